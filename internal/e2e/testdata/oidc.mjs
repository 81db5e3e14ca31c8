// An OAuth server: oidc-provider with a client that is a machine, one that acts for
// a person, and an API that may ask about tokens.
//
//     node oidc.mjs MODULE PORT SECONDS
//
// SECONDS is how long a machine's access token lasts.
const [module, port, seconds] = process.argv.slice(2)
const { default: Provider } = await import(module)

const client = (client_id, grant_types, more) => ({
  client_id, client_secret: `secret of ${client_id} +/=%`, grant_types, redirect_uris: [], response_types: [], scope: 'orders:read', ...more,
})

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    client('machine', ['client_credentials']),
    client('person', ['authorization_code', 'refresh_token'], {
      redirect_uris: ['http://127.0.0.1/back'], response_types: ['code'], scope: 'openid offline_access orders:read',
    }),
    client('api', []),
  ],
  scopes: ['openid', 'offline_access', 'orders:read', 'orders:write'],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (ctx, asking) => asking.clientId === 'api' },
    revocation: { enabled: true },
  },
  pkce: { required: () => false },
  // An old refresh token that comes again ends all that came of it.
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  ttl: { ClientCredentials: Number(seconds), AccessToken: 3600, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600, IdToken: 3600 },
})

provider.listen(Number(port), '127.0.0.1')
