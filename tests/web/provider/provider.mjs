// A real OpenID Connect provider for tests: the package oidc-provider with keys, people and a client of ours.
// Its settings are JSON on standard input; it prints its port. It ends with its standard input.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { issuer, clients, keys, people, audience } = JSON.parse((await lines.next()).value);

const provider = new Provider(issuer, {
  clients,
  jwks: { keys },
  // A browser takes SameSite=None over TLS alone, and there is none here.
  cookies: { keys: ['only for tests'], long: { httpOnly: true, sameSite: 'lax' } },
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => (people[id] ? { accountId: id, claims: () => ({ sub: id, ...people[id] }) } : undefined),
  ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 300, Interaction: 300, Session: 300, Grant: 300 },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => [],
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ audience, scope: 'api', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
    },
  },
});
provider.proxy = true;

const server = createServer(provider.callback());
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
for await (const line of lines) {
  // People are changed while it runs: `{"person": {"groups": [...]}}`.
  if (line) Object.assign(people, JSON.parse(line));
}
process.exit(0);
