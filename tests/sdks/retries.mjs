// One of the SDKs for Node sends three batches, one after the other, as often as it sees fit: how often it tries is its
// own default, and how long it waits unless that is many seconds. Each event that it believes to be sent is printed.
import assert from "node:assert";
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

const [url, key, sdk, first, when] = process.argv.slice(2);
const failed = [];

// Calls that say when they are through.
const settled = (calls) => Promise.all(calls.map((call) => new Promise((resolve, reject) => {
  call((error) => (error ? reject(error) : resolve()));
})));
const message = ({ id, n, time }) => ({ anonymousId: "d1", event: "tick", properties: { n }, timestamp: new Date(time), messageId: id });

const sdks = {
  segment: async () => {
    const { Analytics } = await import("@segment/analytics-node");
    const analytics = new Analytics({ writeKey: key, host: url, flushInterval: 100 });
    analytics.on("error", (error) => failed.push(error));
    return (batch) => settled(batch.map((one) => (done) => analytics.track(message(one), done)));
  },
  rudderstack: async () => {
    const { default: Analytics } = await import("@rudderstack/rudder-sdk-node");
    const analytics = new Analytics(key, { dataPlaneUrl: url, logLevel: "error", flushInterval: 100 });
    return (batch) => settled(batch.map((one) => (done) => analytics.track(message(one), done)));
  },
  posthog: async () => {
    const { PostHog } = await import("posthog-node");
    const client = new PostHog(key, { host: url, fetchRetryDelay: 300 });
    let waiting = 0; // what is captured is queued a moment later
    client.on("error", (error) => failed.push(error));
    client.on("flush", (messages) => { waiting -= messages.length; });
    return async (batch) => {
      for (const { id, n, time } of batch) {
        waiting += 1;
        client.capture({ distinctId: "d1", event: "tick", properties: { n }, timestamp: new Date(time), uuid: id });
      }
      for (; waiting && !failed.length; await pause(5)) await client.flush();
    };
  },
  amplitude: async () => {
    const amplitude = await import("@amplitude/analytics-node");
    await amplitude.init(key, { serverUrl: `${url}/2/httpapi`, flushIntervalMillis: 100 }).promise;
    return async (batch) => {
      const calls = batch.map(({ id, n, time }) => amplitude.track("tick", { n }, { device_id: "d1", insert_id: id, time }));
      const heard = await Promise.all(calls.map((call) => call.promise));
      assert.deepEqual(heard.map(({ code }) => code), batch.map(() => 200));
    };
  },
  // It tells events neither by ids nor by times of their sender. Its user keeps what waits to be sent, so that it is
  // known here when that is nothing.
  countly: async () => {
    const { default: Countly } = await import("countly-sdk-nodejs");
    const kept = { cly_queue: [], cly_event: [] };
    let waiting = 0;
    kept.cly_queue.push = (request) => {
      waiting += 1;
      return Array.prototype.push.call(kept.cly_queue, request);
    };
    const { subscribe } = await import("node:diagnostics_channel");
    subscribe("http.client.response.finish", ({ response }) => { waiting -= response.statusCode === 200 ? 1 : 0; });
    const storage = {
      storeSet: (name, value) => { kept[name] = value; },
      storeGet: (name, other) => kept[name] ?? other,
      storeRemove: (name) => { delete kept[name]; },
    };
    Countly.init({ app_key: key, url, device_id: "d1", interval: 20, fail_timeout: 1, force_post: true, custom_storage_method: storage });
    return async (batch) => {
      for (const { n } of batch) Countly.add_event({ key: "tick", segmentation: { n } });
      while (kept.cly_event.length || kept.cly_queue.length || waiting) await pause(5);
    };
  },
};

const send = await sdks[sdk]();
for (let start = Number(first); start < Number(first) + 15; start += 5) {
  const batch = [0, 1, 2, 3, 4].map((n) => ({ id: randomUUID(), n: start + n, time: Number(when) + ((start + n) % 1000) * 1000 }));
  await send(batch);
  assert.deepEqual(failed, []);
  for (const one of batch) console.log(JSON.stringify(sdk === "countly" ? { n: one.n } : one));
}
process.exit(0);
