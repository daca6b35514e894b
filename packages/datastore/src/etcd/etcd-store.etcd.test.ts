import { quietLogger } from '@calico-node/core'
import { TestEtcd } from '@calico-node/testkit'
import { describeKvStore } from '../kv-store-contract.test.ts'
import { openEtcd } from './etcd-store.ts'

const compact =
  (etcd: TestEtcd) =>
  async (revision: bigint): Promise<void> => {
    await etcd.ctl('compact', String(revision))
  }

describeKvStore('etcd', async () => {
  const etcd = await TestEtcd.start()
  const store = openEtcd({ endpoints: etcd.urls }, quietLogger)
  const stop = async (): Promise<void> => {
    store.close()
    await etcd.stop()
  }
  return { store, compact: compact(etcd), stop }
})

describeKvStore('etcd grpc-proxy', async () => {
  const etcd = await TestEtcd.start()
  const proxy = await etcd.startGrpcProxy()
  const store = openEtcd({ endpoints: [proxy.url] }, quietLogger)
  const stop = async (): Promise<void> => {
    store.close()
    await etcd.stop()
  }
  return { store, compact: compact(etcd), stop }
})
