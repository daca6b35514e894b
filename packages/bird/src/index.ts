export {
  becomeBird,
  birdArguments,
  birdFiles,
  findIpVersion,
  findProgram,
  hasBirdRoutes,
  type BirdFiles,
} from './launch.ts'
