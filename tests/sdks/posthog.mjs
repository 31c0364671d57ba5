// PostHog's SDK for Node: what it captures.
import assert from "node:assert";
import { PostHog } from "posthog-node";

const [url, key] = process.argv.slice(2);
const timestamp = new Date(1767323045678);
const failed = [];
const client = new PostHog(key, { host: url, flushAt: 100, flushInterval: 60000, fetchRetryCount: 1 });
client.on("error", (error) => failed.push(String(error)));
const said = (call, given) => console.log(JSON.stringify({ call, ...given }));

const properties = { height: 1.5, tags: ["a", "ü"], $session_id: "s1", $os: "iOS", $current_url: "https://example.com/a" };
const id = "11111111-1111-4111-8111-111111111111";
client.capture({ distinctId: "u1", event: "Jumped", properties, timestamp, uuid: id });
said("capture", { id, user_id: "u1", properties });
client.identify({ distinctId: "u1", properties: { $set: { email: "u1@example.com", plan: "pro" }, $anon_distinct_id: "anon-1" } });
said("identify", { user_id: "u1", device_id: "anon-1", properties: { email: "u1@example.com", plan: "pro" } });
client.alias({ distinctId: "u1", alias: "anon-0" });
said("alias", { user_id: "u1", alias: "anon-0" });
client.groupIdentify({ groupType: "company", groupKey: "acme", properties: { employees: 7 } });
said("groupIdentify", { user_id: "$company_acme", group_type: "company", group_key: "acme", properties: { employees: 7 } });
assert.deepEqual(await client.getAllFlags("u1"), {});
await client.shutdown();
assert.deepEqual(failed, []);
