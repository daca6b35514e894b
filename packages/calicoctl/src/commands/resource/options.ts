/** Options that the resource commands share. */
import { flag, text } from '../../cli/option.ts'

export const fileOptions = {
  filename: text('-f, --filename <file>', 'YAML or JSON: a file, a folder, or - for standard input'),
  recursive: flag('-R, --recursive', 'with a folder: look into its sub-folders too'),
  skipEmpty: flag('--skip-empty', 'no error when there is no resource in it'),
  namespace: text('-n, --namespace <namespace>', 'namespace of the resources (default "default")'),
}
