// An identity provider for tests. The environment has its port, its signing key, the clients and the people.
// Its own pages for development ask for any name and any password: what is tested is who Heliograph takes them for.
import { randomUUID } from "node:crypto";

import { Provider } from "oidc-provider";

const { port, key, redirectUris, signedOutUris, logoutUri, people, idTokenClaims } = JSON.parse(process.env.PROVIDER);
const issuer = `http://localhost:${port}`;
const logout = logoutUri ? { backchannel_logout_uri: logoutUri, post_logout_redirect_uris: signedOutUris } : {};
const client = (client_id, more) => ({
  client_id, redirect_uris: redirectUris, response_types: ["code"], grant_types: ["authorization_code"], ...logout, ...more,
});

const provider = new Provider(issuer, {
  clients: [
    client("heliograph", { client_secret: "a secret+with%signs", token_endpoint_auth_method: "client_secret_basic" }),
    client("by-post", { client_secret: "posted", token_endpoint_auth_method: "client_secret_post" }),
    client("public", { token_endpoint_auth_method: "none", ...(logoutUri && { backchannel_logout_session_required: true }) }),
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  conformIdTokenClaims: !idTokenClaims,
  cookies: { keys: [randomUUID()] },
  features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
  // It calls this machine, which it refuses by default, and waits for as long as a busy one takes.
  fetch: (url, { dispatcher, signal, ...options }) => fetch(url, options),
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  jwks: { keys: [key] },
  pkce: { required: () => true },
});
provider.on("backchannel.error", (_context, error, client) => console.error(`${client.clientId}: ${error.message}`));
provider.listen(port, "127.0.0.1", () => console.log("ready"));
