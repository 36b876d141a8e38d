import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate for `localhost`, which nobody has signed, with its key. */
export function selfSigned(folder: string): { certificate: string; key: string } {
  const [certificate, key] = ["certificate.pem", "key.pem"].map((it) => join(folder, it));
  const subject = ["-subj", "/CN=localhost", "-days", "2", "-nodes"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...subject, "-keyout", key, "-out", certificate], {
    stdio: "ignore",
  });
  return { certificate, key };
}

/** A folder that goes with a test. */
export async function folder(atEnd: (end: () => unknown) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tickwire-"));
  atEnd(() => rm(folder, { recursive: true }));
  return folder;
}
