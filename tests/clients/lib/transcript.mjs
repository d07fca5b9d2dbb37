// The demo's printout: what was sent, what arrived, and whether it came true. One line a fact.

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);

export class Transcript {
  #failed = [];
  #section = '';

  /** Begins a scene. */
  section(title) {
    this.#section = title;
    console.log(`\n${paint('1', title)}`);
  }

  /** Something that was done. */
  say(text) {
    console.log(`  ${text}`);
  }

  /** Something that must be so. */
  check(text, holds) {
    console.log(`  ${holds ? paint('32', '✓') : paint('31', '✗')} ${text}`);
    if (!holds) this.#failed.push(`${this.#section}: ${text}`);
  }

  /** Plays a scene; an error in it is a line that did not come true. */
  async scene(title, play) {
    this.section(title);
    try {
      await play();
    } catch (error) {
      this.check(error.message, false);
    }
  }

  /** Prints the verdict; answers the exit code. */
  verdict() {
    if (this.#failed.length === 0) {
      console.log(`\n${paint('32', 'Every line came true.')}`);
      return 0;
    }
    console.log(`\n${paint('31', `${this.#failed.length} did not come true:`)}`);
    for (const line of this.#failed) console.log(`  ${line}`);
    return 1;
  }
}
