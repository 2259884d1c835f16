import type { TestOutcome } from '../datasources/test-outcome.js';

/** How far a test came: the name is resolved, the port reached, TLS agreed on, the user let in, the database there. */
const testSteps = ['RESOLVED', 'REACHED', 'TLS', 'AUTHENTICATED', 'DATABASE'] as const;

/** How far a test came. */
export type TestStepName = (typeof testSteps)[number];

/** A step that was taken, and how long it took. */
export interface TestStep {
  readonly name: TestStepName;
  readonly milliseconds: number;
}

/** Why a test ends before its last step. The message is for the caller: it repeats nothing that a server or a driver said. */
export class TestFailure extends Error {
  override readonly name = 'TestFailure';

  /**
   * @param outcome what came of the test
   * @param message what was wrong, and what to do
   */
  constructor(
    readonly outcome: TestOutcome,
    message: string,
  ) {
    super(message);
  }
}

/** What came of the test of one server. */
export interface ServerTest {
  /** The name or address, as the URL has it. */
  readonly host: string;
  readonly port: number;
  readonly outcome: TestOutcome;
  readonly message: string;
  /** The steps that were taken, in order. */
  readonly steps: readonly TestStep[];
  /** The product that the server says it is; null where it did not say. */
  readonly product: string | null;
  /** The version that the server says it has; null where it did not say. */
  readonly version: string | null;
}

/** What came of a test: the outcome of the server that came furthest, and each server's own. */
export interface ConnectionTest {
  readonly outcome: TestOutcome;
  readonly message: string;
  readonly milliseconds: number;
  readonly testedAt: Date;
  readonly servers: readonly ServerTest[];
}
