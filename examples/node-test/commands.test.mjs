import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { newWorld } from "./world.mjs";

const PHONE = "pixel8-a15-fully-managed";
const NAME = `enterprises/sandbox/devices/${PHONE}`;

describe("commands", { concurrency: true }, () => {
  test("a lost phone shows who to call", async (t) => {
    const { devices, steer } = await newWorld(t);

    const startLostModeParams = { lostMessage: { defaultMessage: "Please call the owner." } };
    const { data: issued } = await devices.issueCommand({ name: NAME, requestBody: { type: "START_LOST_MODE", startLostModeParams } });
    const { data: operation } = await devices.operations.get({ name: issued.name });

    assert.deepEqual(operation.metadata.startLostModeStatus, { status: "SUCCESS" });
    assert.equal((await steer("GET", `devices/${PHONE}`)).phone.lostMode.message, "Please call the owner.");
  });

  test("a lock expires that its phone does not hear of", async (t) => {
    const { devices, steer } = await newWorld(t);
    await steer("PATCH", `devices/${PHONE}`, { online: false });

    const { data: issued } = await devices.issueCommand({ name: NAME, requestBody: { type: "LOCK", duration: "60s" } });
    await steer("POST", "clock:advance", { duration: "61s" });
    const { data: operation } = await devices.operations.get({ name: issued.name });

    assert.equal(operation.done, true);
    assert.equal(operation.error.code, 4);
  });
});
