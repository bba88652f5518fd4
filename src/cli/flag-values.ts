/** Checks of flags that several commands share, beyond what commander does by itself: numbers, empty texts, repeated flags. */
import { type Command, InvalidArgumentError } from 'commander';

/** Parses plain decimals. `Number` would also accept '', ' 5', '0x10' and '1e3', which are mostly typing errors. */
export function number(text: string): number {
  if (!/^-?\d+(\.\d+)?$/.test(text))
    throw new InvalidArgumentError('It must be a number in plain digits, as 1000 or 0.99.');
  return Number(text);
}

export function filled(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/**
 * Refuses flags that are given twice, of which commander would silently take the last.
 *
 * @param but Names of flags that may be given several times and add up.
 */
export function refuseRepeats(command: Command, but: readonly string[] = []): void {
  for (const option of command.options.filter((one) => !but.includes(one.name()))) {
    let given = 0;
    command.on(`option:${option.name()}`, () => {
      if (++given > 1) command.error(`error: option '${option.flags}' is given more than once`);
    });
  }
}
