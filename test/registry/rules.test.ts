import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contactEndpointFault, registrationFaults } from '../../src/registry/rules.ts';

describe('a contactEndpoint', () => {
  it.each([
    'http://127.0.0.1:9000/tasks',
    'https://agents.example/a/b?c=d&e=%20',
    'http://[::1]:9000/',
    'http://not-there-yet.invalid',
    'HTTP://UPPER.example/',
    'http://агент.example/задачи',
    `http://h/${'x'.repeat(2_048 - 'http://h/'.length)}`,
  ])('may be %.60s', (url) => {
    expect(contactEndpointFault(url)).toBeUndefined();
  });

  it.each([
    ['ftp://h/', 'Expected an http or https URL'],
    ['ws://h/', 'Expected an http or https URL'],
    ['file:///etc/passwd', 'Expected an http or https URL'],
    ['http://user@h/', 'Expected a URL without user and password'],
    ['http://user:word@h/', 'Expected a URL without user and password'],
    ['http:user:word@h/', 'Expected a URL without user and password'],
    ['http://h/#part', 'Expected a URL without a fragment'],
    ['tasks', 'Expected an absolute URL such as http://127.0.0.1:9000/tasks'],
    ['//h/', 'Expected an absolute URL such as http://127.0.0.1:9000/tasks'],
    ['', 'Expected an absolute URL such as http://127.0.0.1:9000/tasks'],
    ['http://a b/', 'Expected a URL without spaces and control characters'],
    ['http://h/\r\nX: y', 'Expected a URL without spaces and control characters'],
    ['ht\ttp://h/', 'Expected a URL without spaces and control characters'],
    ['http://h/\u0000', 'Expected a URL without spaces and control characters'],
    [`http://h/${'x'.repeat(2_040)}`, 'Expected at most 2048 characters'],
  ])('may not be %.60j', (url, fault) => {
    expect(contactEndpointFault(url)).toBe(fault);
  });

  it('that is taken can always be sent to: it is one URL without userinfo', () => {
    const pieces = [
      'http:',
      'ftp:',
      '//',
      '/',
      '@',
      ':',
      '#',
      '?',
      '[::1]',
      'h',
      '\\',
      '%40',
      '80',
    ];
    const almostUrl = fc.array(fc.constantFrom(...pieces), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(almostUrl, (parts) => {
        const text = `http:${parts.join('')}`;
        if (contactEndpointFault(text) !== undefined) return;
        const url = new URL(text);
        expect(['http:', 'https:']).toContain(url.protocol);
        expect(url.username + url.password + url.hash).toBe('');
      }),
      { numRuns: 500 },
    );
  });

  it('the fault never repeats the URL: it may hold a password', () => {
    expect(contactEndpointFault('http://user:hunter2@h/')).not.toContain('hunter2');
  });
});

describe('a registration', () => {
  const lone = '\ud83d';

  it('has no fault when all of it is well-formed', () => {
    expect(
      registrationFaults({
        agentName: 'Zoë 🚀',
        version: '1',
        contactEndpoint: 'http://h/',
        capabilities: ['値'],
        metadata: { a: [{ b: null, c: 1, d: true }] },
      }),
    ).toEqual([]);
  });

  it.each([
    ['/agentName', { agentName: lone }],
    ['/version', { version: `1${lone}` }],
    ['/capabilities', { capabilities: ['a', lone] }],
    ['/metadata', { metadata: { a: { b: [lone] } } }],
    ['/metadata', { metadata: { [lone]: 1 } }],
  ])('with half a character is faulty at %s', (path, fields) => {
    expect(registrationFaults(fields)).toEqual([
      { path, message: 'Expected well-formed Unicode (a lone surrogate)' },
    ]);
  });
});
