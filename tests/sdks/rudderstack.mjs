// RudderStack's SDK for Node makes the calls that it is given, and prints the id of each that was acknowledged.

import Analytics from '@rudderstack/rudder-sdk-node'

const [url, key, calls] = process.argv.slice(2)
const analytics = new Analytics(key, { dataPlaneUrl: url, logLevel: 'error' })
const made = JSON.parse(calls).map(({ call, timestamp, ...given }) => new Promise((resolve, reject) => {
  const done = (error) => error ? reject(error) : resolve(given.messageId)
  analytics[call]({ ...given, timestamp: new Date(timestamp) }, done)
}))
await analytics.flush()
for (const id of await Promise.all(made)) console.log(JSON.stringify({ id }))
