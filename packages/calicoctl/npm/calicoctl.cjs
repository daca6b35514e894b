#!/usr/bin/env node
// What npm puts on the PATH. Old syntax on purpose: an old Node must get as far as saying that it is too old.
'use strict'
var NEEDED = 24
if (Number(process.versions.node.split('.')[0]) < NEEDED) {
  console.error('calicoctl needs Node.js ' + NEEDED + ' or later; ' + process.execPath + ' is ' + process.version)
  process.exit(1)
}
process.noDeprecation = true // of a dependency, and no news for who types a command
require('node:module').enableCompileCache()
require('../dist/calicoctl.cjs')
