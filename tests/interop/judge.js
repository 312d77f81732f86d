// Verifies what planloom wrote with sigstore's own verifier: a bundle, a checkpoint, an inclusion proof.
// Input on stdin: {bundle, keyId, publicKey (PEM), checkpoint?, logKeyHash?, body?, index?, hashes?}. Prints "ok" or the error; never both.
const { createRequire } = require("node:module");
const from = createRequire(process.argv[2] + "/");
const { bundleFromJSON } = from("@sigstore/bundle");
const { Verifier, toSignedEntity } = from("@sigstore/verify");
const { verifyCheckpoint } = from("./node_modules/@sigstore/verify/dist/tlog/checkpoint.js");
const { verifyMerkleInclusion } = from("./node_modules/@sigstore/verify/dist/tlog/merkle.js");
const crypto = require("node:crypto");

const given = JSON.parse(require("node:fs").readFileSync(0, "utf-8"));
const key = crypto.createPublicKey(given.publicKey);
try {
  if (given.bundle) {
    const material = {
      certificateAuthorities: [],
      timestampAuthorities: [],
      tlogs: [],
      ctlogs: [],
      publicKey: (hint) => {
        if (hint !== given.keyId) throw new Error("unknown key " + hint);
        return { publicKey: key, validFor: () => true };
      },
    };
    const verifier = new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 0, tsaThreshold: 0 });
    verifier.verify(toSignedEntity(bundleFromJSON(given.bundle)));
  }
  if (given.checkpoint) {
    const log = { logID: Buffer.from(given.logKeyHash, "hex"), baseURL: "https://" + given.origin, publicKey: key };
    const entry = {
      inclusionProof: {
        checkpoint: { envelope: given.checkpoint },
        logIndex: String(given.index),
        hashes: given.hashes.map((h) => Buffer.from(h, "hex")),
      },
      canonicalizedBody: Buffer.from(given.body, "base64"),
    };
    verifyMerkleInclusion(entry, verifyCheckpoint(entry, [log]));
  }
  console.log("ok");
} catch (error) {
  console.log("refused: " + error.message);
}
