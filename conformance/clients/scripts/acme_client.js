// A client on npm's `acme-client`: ACT DIRECTORY NAME CHALLENGE, at a client's home.
const { execFileSync } = require('node:child_process');
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const acme = require('acme-client');

async function main(act, directoryUrl, name, wanted) {
  const known = existsSync('account-url') ? { accountUrl: readFileSync('account-url', 'utf8') } : {};
  const client = new acme.Client({ directoryUrl, accountKey: readFileSync('account.pem'), ...known });
  if (!known.accountUrl) {
    await client.createAccount({ termsOfServiceAgreed: true });
    writeFileSync('account-url', client.getAccountUrl());
  }
  if (act === 'revoke') {
    await client.revokeCertificate(acme.crypto.splitPemChain(readFileSync('chain.pem'))[0]);
    return;
  }
  const chain = await client.auto({
    csr: readFileSync('csr.pem'),
    challengePriority: [wanted],
    skipChallengeVerification: true,
    challengeCreateFn: async (authorization, challenge, text) => {
      const answer = wanted === 'http-01' ? ['put', challenge.token, text] : ['set-txt', name, text];
      execFileSync('./hook', answer);
    },
    challengeRemoveFn: async () => {},
  });
  writeFileSync('chain.pem', chain);
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
