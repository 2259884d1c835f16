import { type Preparation, PreparedDocument } from './prepared-document.js';

/** Documents of one time, and what they take. */
interface Generation {
  readonly documents: Map<string, PreparedDocument>;
  bytes: number;
}

const maxBytesOfGeneration = 15_000_000;
const maxDocumentsOfGeneration = 2_000;

/**
 * Keeps documents by their texts, prepared for being executed: those that are refused too, and none that may hold a credential.
 *
 * What is not asked for any more is forgotten: when a generation is full the next one begins, and what is asked for again comes
 * over into it. So there are two at most, and a client whose texts are all new does not drive out those that come again.
 */
export class PreparedDocuments {
  readonly #preparation: Preparation;
  #generation = newGeneration();
  #last = newGeneration();

  /** @param preparation what documents are prepared by */
  constructor(preparation: Preparation) {
    this.#preparation = preparation;
  }

  /** Prepares a document, or finds it prepared. */
  prepare(text: string): PreparedDocument {
    const recent = this.#generation.documents.get(text);
    if (recent !== undefined) return recent;
    const known = this.#last.documents.get(text) ?? new PreparedDocument(this.#preparation, text, this.#grow);
    if (known.isKeepable) this.#keep(text, known);
    return known;
  }

  // A document grows when it is executed, just after it was asked for: then it is in this generation, if it is kept.
  readonly #grow = (bytes: number) => {
    this.#generation.bytes += bytes;
  };

  #keep(text: string, document: PreparedDocument): void {
    const { bytes, documents } = this.#generation;
    if (bytes + document.bytes > maxBytesOfGeneration || documents.size >= maxDocumentsOfGeneration) {
      this.#last = this.#generation;
      this.#generation = newGeneration();
    }
    this.#generation.documents.set(text, document);
    this.#generation.bytes += document.bytes;
  }
}

function newGeneration(): Generation {
  return { documents: new Map(), bytes: 0 };
}
