/** Settings that may differ by model: a number, or a list of as many as the parameters' first axis counts. */
import type { Setting } from '../kernels/tensor/optimizer.js';
import { badArgument, checkNumber, type NumberRange } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

export type { Setting };

/** Throws unless a setting is a number within the range, or a list of them. */
export function checkSetting(where: string, what: string, setting: unknown, range: NumberRange): void {
  if (!Array.isArray(setting)) {
    const fits = 'a number fits, or a list of numbers, one for each stacked model';
    if (typeof setting === 'object') throw badArgument(where, what, setting, fits);
    checkNumber(where, what, setting, range);
    return;
  }
  if (setting.length === 0) {
    throw badArgument(where, what, setting, 'it is empty; a number fits, or one for each stacked model');
  }
  setting.forEach((each, k) => {
    checkNumber(where, `${what}[${k}]`, each, range);
  });
}

/** Throws unless lists among the settings have a number for each of the models stacked in the parameters. */
export function checkModels(
  where: string,
  params: readonly Tensor[],
  settings: Readonly<Record<string, Setting>>,
): void {
  for (const [name, setting] of Object.entries(settings)) {
    if (typeof setting === 'number') continue;
    const other = params.find(({ shape }) => shape[0] !== setting.length);
    if (!other) continue;
    throw new LockstepError(
      'bad-input',
      `${where}: ${name} is a list of ${setting.length}, one for each stacked model; the first axis of a parameter ` +
        `${showShape(other.shape)} is not so long.`,
    );
  }
}

/** The setting made of others, for each model where one of them is a list. */
export function mapSetting(settings: readonly Setting[], make: (...numbers: number[]) => number): Setting {
  const list = settings.find((setting) => typeof setting !== 'number');
  const at = (k: number) => settings.map((setting) => (typeof setting === 'number' ? setting : setting[k]));
  return list === undefined ? make(...at(0)) : list.map((_, k) => make(...at(k)));
}

/** Whether a setting is above 0 for any model. */
export const isAbove0 = (setting: Setting): boolean =>
  typeof setting === 'number' ? setting > 0 : setting.some((each) => each > 0);
