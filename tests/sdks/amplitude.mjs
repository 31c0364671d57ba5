// Amplitude's SDK for Node: every call that it has, once.
import assert from "node:assert";
import * as amplitude from "@amplitude/analytics-node";

const [url, key, path] = process.argv.slice(2);
const time = 1767323045678;
await amplitude.init(key, { serverUrl: url + path, minIdLength: 1, flushIntervalMillis: 100 }).promise;
const options = { user_id: "u1", device_id: "d1", session_id: time - 1000, time, platform: "Web", country: "Germany", language: "de-DE" };
const properties = { height: 1.5, tags: ["a", "ü"] };
const said = (call, given) => console.log(JSON.stringify({ call, ...given }));

const calls = [amplitude.track("Jumped", properties, { ...options, insert_id: "js-0" })];
said("track", { id: "js-0", event: "Jumped", properties, ...options });
const identify = new amplitude.Identify().set("plan", "pro").unset("old");
calls.push(amplitude.identify(identify, { ...options, insert_id: "js-1" }));
said("identify", { id: "js-1", properties: { plan: "pro" }, later: { $unset: { old: "-" } } });
const revenue = new amplitude.Revenue().setProductId("sword").setRevenue(9.99).setCurrency("EUR");
calls.push(amplitude.revenue(revenue, { ...options, insert_id: "js-2" }));
said("revenue", { id: "js-2", amount: 9.99, currency: "EUR", product: "sword" });
calls.push(amplitude.groupIdentify("company", "acme", new amplitude.Identify().set("employees", 7), { ...options, insert_id: "js-3" }));
said("groupIdentify", { id: "js-3", user_id: "u1", group: { company: "acme" }, properties: { $set: { employees: 7 } } });
await amplitude.flush().promise;
const heard = await Promise.all(calls.map((call) => call.promise));
assert.deepEqual(heard.map(({ code }) => code), [200, 200, 200, 200]);
