/**
 * What waits for the event loop besides packets.
 * @module
 */

/** Counts what is under way, so that the loop can let it have its turns sooner. */
export class Errands {
  #count = 0;

  /** Whether anything is. */
  get underWay(): boolean {
    return this.#count > 0;
  }

  /** Does something that waits for others. */
  async run<T>(act: () => Promise<T>): Promise<T> {
    this.#count++;
    try {
      return await act();
    } finally {
      this.#count--;
    }
  }
}
