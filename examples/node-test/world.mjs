// A world of Heliograph for each test: enterprise, phones and clock of its own, gone when the test has ended.
import { androidmanagement } from "@googleapis/androidmanagement";

const SANDBOX = process.env.HELIOGRAPH_URL ?? "http://127.0.0.1:8080";

async function ask(method, url, body) {
  const answer = await fetch(url, { method, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** `t` is the context of the test. */
export async function newWorld(t, wishes = {}) {
  const made = await ask("POST", `${SANDBOX}/sandbox/v1/worlds`, { seed: 1, now: "2030-01-01T00:00:00Z", ...wishes });
  t.after(() => ask("DELETE", `${SANDBOX}/sandbox/v1/${made.name}`));
  return {
    devices: androidmanagement({ version: "v1", rootUrl: `${made.url}/` }).enterprises.devices,
    /** What `docs/sandbox-api.md` has: `steer("POST", "clock:advance", { duration: "60s" })`. */
    steer: (method, path, body = {}) => ask(method, `${made.url}/sandbox/v1/${path}`, method === "GET" ? undefined : body),
  };
}
