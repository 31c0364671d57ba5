// Segment's SDK for Node makes the calls that it is given, and prints the id of each that was acknowledged.

import { Analytics } from '@segment/analytics-node'

const [url, key, calls] = process.argv.slice(2)
const analytics = new Analytics({ writeKey: key, host: url, maxRetries: 2 })
analytics.on('error', (error) => { throw error })
for (const { call, timestamp, ...given } of JSON.parse(calls)) {
  analytics[call]({ ...given, timestamp: new Date(timestamp) }, (error, context) => {
    if (error) throw error
    console.log(JSON.stringify({ id: context.event.messageId }))
  })
}
await analytics.closeAndFlush({ timeout: 20000 })
