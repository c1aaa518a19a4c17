# Slim, non-root. Volumes: /data (database, keys, sealed recordings), /model (a speech model: TAST1__TRANSCRIPTION__MODEL=/model).
# Recordings that are being made are in memory: run with --shm-size=256m or more. Where calls reach it has to be said:
#   docker run --network host --shm-size=256m -e TAST1__SIP__PUBLIC_HOST=192.0.2.10 -e TAST1__SIP__RTP_ADDRESS=192.0.2.10 ...
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /opt/tast1 && /opt/tast1/bin/pip install --no-cache-dir --requirement requirements.lock
COPY gateway gateway
COPY storage storage
COPY transcription transcription
COPY ivr_prompts ivr_prompts
RUN /opt/tast1/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin tast1 \
 && install -d -o tast1 -g tast1 -m 0700 /data /model
COPY --from=build /opt/tast1 /opt/tast1
COPY config.yaml /etc/tast1/config.yaml
ENV PATH=/opt/tast1/bin:$PATH \
    TAST1_CONFIG=/etc/tast1/config.yaml \
    TAST1__STORAGE__FOLDER=/data \
    TAST1__SIP__UDP=0.0.0.0:5060 \
    TAST1__SIP__TCP=0.0.0.0:5060 \
    TAST1__WEB__LISTEN=127.0.0.1:8080 \
    TAST1__WEB__METRICS=0.0.0.0:9464
USER tast1
VOLUME ["/data", "/model"]
EXPOSE 5060/udp 5060/tcp 9464/tcp
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tast1"]
CMD ["serve"]
