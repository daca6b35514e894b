// The same puts without calicoctl: reads a JSON list of resources and puts each as it is. usage: etcd-puts.ts ENDPOINTS FILE AT_ONCE
import { readFileSync } from 'node:fs'
import { Etcd3 } from 'etcd3'

const [endpoints = '', file = '', atOnce = '1'] = process.argv.slice(2)
const resources: { kind: string; metadata: { name: string } }[] = JSON.parse(readFileSync(file, 'utf8'))
const etcd = new Etcd3({ hosts: endpoints.split(',') })
let next = 0
const writer = async (): Promise<void> => {
  for (let resource = resources[next++]; resource !== undefined; resource = resources[next++]) {
    const key = `/calico/resources/v3/projectcalico.org/${resource.kind.toLowerCase()}s/${resource.metadata.name}`
    await etcd.put(key).value(JSON.stringify(resource))
  }
}
await Promise.all(Array.from({ length: Number(atOnce) }, writer))
etcd.close()
