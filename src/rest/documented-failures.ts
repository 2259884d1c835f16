import { DomainError, RateLimitedError, UnavailableError } from '../errors.js';
import { ContentEncodingError } from '../http/content-encoding.js';
import { type FailureEnvelope, transportFailure } from '../http/failure-envelope.js';
import { failureOf, internalFailure } from './envelope.js';

/** Failures of every operation that the client can act on. */
export const failuresOfEveryOperation: Readonly<Record<string, { summary: string; failure: DomainError }>> = {
  notJson: {
    summary: 'A body that is not JSON',
    failure: new DomainError('BAD_USER_INPUT', 'The body must be a JSON object; it is not well-formed JSON.'),
  },
  notAnObject: {
    summary: 'A body that is not an object',
    failure: new DomainError('BAD_USER_INPUT', 'The body must be a JSON object.'),
  },
  notKnown: {
    summary: 'A caller that is not known',
    failure: new DomainError('UNAUTHENTICATED', 'Authentication is required: send an API key in the header x-api-key.'),
  },
  keyNotValid: {
    summary: 'A key that is not valid',
    failure: new DomainError('UNAUTHENTICATED', 'The API key is not valid.'),
  },
  keyExpired: {
    summary: 'A key that has expired',
    failure: new DomainError('CREDENTIAL_EXPIRED', 'The API key has expired. Ask for a new one.'),
  },
  notAllowed: {
    summary: 'A caller without the permission',
    failure: new DomainError('FORBIDDEN', 'This operation needs the permission write.'),
  },
};

/** Failures that share an HTTP status. */
export interface TransportFailure {
  /** What the description calls the answer. */
  readonly name: string;
  readonly description: string;
  /** Headers that it has besides those of every answer, by their names in the description. */
  readonly headers?: readonly string[];
  readonly examples: Readonly<Record<string, { summary: string; envelope: FailureEnvelope }>>;
}

/** Failures of every route that are about the transport, by their HTTP status. */
export const transportFailures: Readonly<Record<number, TransportFailure>> = {
  403: {
    name: 'ForeignPage',
    description: 'A browser sent it for a page that may not call the gateway.',
    examples: {
      foreignPage: {
        summary: 'A page of another site',
        envelope: transportFailure(403, 'Pages of other sites may not call the gateway, except those in CORS_ORIGINS.')
          .envelope,
      },
      foreignHost: {
        summary: 'Another name for the machine that an open gateway is on',
        envelope: transportFailure(
          403,
          'This gateway accepts calls from its own machine only: use a loopback host name, such as localhost.',
        ).envelope,
      },
    },
  },
  404: {
    name: 'NotFound',
    description: 'Another path than this one, which is not there.',
    examples: {
      notFound: {
        summary: 'A path that is not there',
        envelope: transportFailure(404, 'There is nothing at this path.').envelope,
      },
    },
  },
  405: {
    name: 'MethodNotAllowed',
    description: 'Another method than POST.',
    examples: {
      methodNotAllowed: {
        summary: 'Another method than POST',
        envelope: transportFailure(405, 'This route takes POST only.').envelope,
      },
    },
  },
  413: {
    name: 'BodyTooLarge',
    description: 'The body is larger than the gateway reads.',
    examples: {
      bodyTooLarge: {
        summary: 'A body above the limit',
        envelope: transportFailure(413, 'The body is too large: it may have at most 2097152 bytes.').envelope,
      },
    },
  },
  415: {
    name: 'NotJsonType',
    description: 'The body is said to be something else than JSON, or to be in a Content-Encoding.',
    examples: {
      notJsonType: {
        summary: 'Another content type',
        envelope: transportFailure(415, 'The Content-Type must be application/json.').envelope,
      },
      compressed: {
        summary: 'A compressed body',
        envelope: transportFailure(415, new ContentEncodingError().message).envelope,
      },
    },
  },
  429: {
    name: 'RateLimited',
    description: 'The caller has sent more requests than it may in a minute.',
    headers: ['RetryAfter'],
    examples: {
      rateLimited: {
        summary: 'More requests than are allowed',
        envelope: failureOf(new RateLimitedError(100, 60)).envelope,
      },
    },
  },
  500: {
    name: 'ServiceFailed',
    description: 'An error of the service itself. It is in the log with the id of the request.',
    examples: {
      serviceFailed: {
        summary: 'An error of the service itself',
        envelope: internalFailure('4f2c1d8e-9a3b-4c5d-8e7f-0123456789ab').envelope,
      },
    },
  },
  503: {
    name: 'ServiceUnavailable',
    description: 'The service cannot answer now: nothing was changed, or it is not known whether it was. Try again.',
    headers: ['RetryAfter'],
    examples: {
      serviceUnavailable: {
        summary: 'The database is away',
        envelope: failureOf(new UnavailableError()).envelope,
      },
    },
  },
};
