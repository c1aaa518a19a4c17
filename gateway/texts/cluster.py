"""What is said of several gateways on one database: `tast1 gateways`, `tast1 drain`."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {  # key: Danish, English
    "title.gateways": ("Gateways på denne database", "Gateways on this database"),
    "column.gateway": ("Gateway", "Gateway"),
    "column.version": ("Version", "Version"),
    "column.seen": ("Sidst set", "Last seen"),
    "column.calls_up": ("Opkald i gang", "Calls up"),
    "column.open_calls": ("Åbne i databasen", "Open in the database"),
    "column.files": ("Filer kun dér", "Files only there"),
    "gateway.up": ("kører", "up"),
    "gateway.gone": ("væk", "gone"),
    "gateway.draining": ("tager ingen nye opkald", "takes no new calls"),
    "gateway.keeps_house": ("sletter for alle", "sweeps for all"),
    "gateway.other_settings": ("andre indstillinger end her", "other settings than here"),
    "gateway.start_it": (
        "En gateway er væk og har optagelser eller åbne opkald. Start den igen med sin mappe; er mappen tabt,"
        " så brug tast1 gateways forget.",
        "A gateway is gone and has recordings or open calls. Start it again with its folder; if that is lost,"
        " use tast1 gateways forget.",
    ),
    "gateway.sure": (
        "Er mappen til {name} tabt for altid? Optagelser, som kun den har, opgives",
        "Is the folder of {name} lost for good? Recordings that only it has are given up",
    ),
    "gateway.forgotten": (
        "Glemt. {calls} opkald lukket, {recordings} optagelser opgivet.",
        "Forgotten. {calls} calls closed, {recordings} recordings given up.",
    ),
    "drain.ended": (
        "Det sidste opkald er slut, og gatewayen er stoppet.",
        "The last call ended; it stopped.",
    ),
    "drain.still_up": (
        "Opkald er stadig i gang; gatewayen stopper, når de er slut.",
        "Calls are still up; the gateway stops when they have ended.",
    ),
}
