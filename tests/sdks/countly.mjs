// Countly's SDK for Node: every call that it has, once, for one device; then what it offers in bulk for another.
import { writeFileSync } from "node:fs";
import { subscribe } from "node:diagnostics_channel";
import { type } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import Countly from "countly-sdk-nodejs";

const [url, key] = process.argv.slice(2);
const say = (call, given) => console.log(JSON.stringify({ call, ...given }));
const started = {};
const answered = {};
const count = (counts, { path }) => { counts[path.split("?")[0]] = (counts[path.split("?")[0]] ?? 0) + 1; };
subscribe("http.client.request.start", ({ request }) => count(started, request));
subscribe("http.client.response.finish", ({ request, response }) => response.statusCode === 200 && count(answered, request));

// The SDK lets its user keep what waits to be sent; so it is known here when all of it has been answered.
const kept = { cly_queue: [], cly_event: [] };
let queued = 0;
kept.cly_queue.push = (request) => {
  queued += 1;
  return Array.prototype.push.call(kept.cly_queue, request);
};
const storage = {
  storeSet: (name, value) => { kept[name] = value; },
  storeGet: (name, other) => kept[name] ?? other,
  storeRemove: (name) => { delete kept[name]; },
};
const all = async () => {
  while (kept.cly_event.length || kept.cly_queue.length || (answered["/i"] ?? 0) < queued) await pause(5);
};
const metrics = {
  _os: "Android", _os_version: "14", _device: "A1", _manufacturer: "Acme", _device_type: "mobile",
  _resolution: "1080x2400", _carrier: "Wire", _density: "2.6", _locale: "de_DE", _store: "com.example.store",
};
const from = Date.now();
Countly.init({
  app_key: key, url, device_id: "sdk-1", app_version: "1.2.3",
  country_code: "DE", city: "Berlin", ip_address: "198.51.100.7",
  interval: 20, fail_timeout: 1, max_events: 2, salt: "pepper", metrics, custom_storage_method: storage,
});
Countly.begin_session(true);
for (const event of [
  { key: "Jumped", count: 1, sum: 1.5, dur: 2.25, segmentation: { height: 3, tag: "ü", deep: ["a"] } },
  { key: "Paid", count: 3, sum: 9.9, segmentation: { count: "of the app" } },
  { key: "Plain" },
]) {
  say("event", event);
  Countly.add_event(structuredClone(event));
}
say("view", { segments: { theme: "dark" }, segment: type() });
Countly.track_view("Home", { theme: "dark" });
const details = {
  name: "Ada", username: "ada", email: "ada@example.com", organization: "Acme", phone: "+49 1", gender: "F", byear: 1990,
  custom: { plan: "pro", seats: 4 },
};
writeFileSync("ada.png", Buffer.from("89504e470d0a1a0a0d0a0d0a2d2d", "hex"));
say("user", details);
Countly.user_details({ ...structuredClone(details), picturePath: "ada.png" });
Countly.userData.set("level", 7);
Countly.userData.increment("logins");
Countly.userData.push("badges", "gold");
say("custom", { custom: { level: 7, logins: { $inc: 1 }, badges: { $push: ["gold"] } } });
Countly.userData.save();
Countly.report_conversion("spring", "cu1");
const error = new Error("boom");
say("crash", { stack: error.stack });
Countly.log_error(error, { lib: "waves" });
const trace = { type: "network", name: "/api", stz: from - 250, etz: from, apm_metrics: { response_time: 250 } };
say("trace", trace);
Countly.report_trace(trace);
Countly.session_duration(42);
await all();
Countly.end_session(7);
await all();
Countly.change_id("sdk-2", true);
await all();
say("configured", await new Promise((done) => {
  Countly.fetch_remote_config((error, found) => done({ error, found }));
}));
say("spent", { from, to: Date.now(), queued, started: started["/i"] });

const bulk = new Countly.Bulk({ app_key: key, url, interval: 20, bulk_size: 3 });
const user = bulk.add_user({ device_id: "bulk-1", country_code: "fr", city: "Paris" });
const at = Math.floor(from / 1000) - 3600;
user.begin_session({ ...metrics, _app_version: "2.0" }, 90, at);
user.add_event({ key: "Old", sum: 2, timestamp: at + 5, segmentation: { n: 1 } });
user.add_event({ key: "Old", sum: 2, timestamp: at + 5, segmentation: { n: 1 } });
user.report_view("Lobby", at + 20, 12, {});
say("bulk", { at });
bulk.start();
while (bulk.queue_size() || (answered["/i/bulk"] ?? 0) < (started["/i/bulk"] ?? 0)) await pause(5);
process.exit(0);
