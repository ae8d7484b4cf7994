export { createAgent, type Agent } from './agent.ts';
export type { AgentOptions } from './agent-options.ts';
export type {
  AgentFilter,
  AgentRecord,
  AgentRegistration,
  Health,
  MessageRequest,
  PageFilter,
  RegisteredAgent,
  TaskReceipt,
  TaskRecord,
  TaskRequest,
} from './api-types.ts';
export { AgentKitClient, type CallOptions, type ClientOptions } from './client.ts';
export { AgentKitError, type FieldError, type SdkErrorCode } from './errors.ts';
export type { HeaderSource } from './headers.ts';
export type { AgentLogger } from './logger.ts';
export {
  AGENT_STATES,
  reportStateToOpscore,
  type AgentState,
  type ReportRetryOptions,
  type StateReport,
} from './opscore.ts';
export type { Clock } from './retry.ts';
export {
  verifySignature,
  type SignatureFailure,
  type VerifySignatureOptions,
  type VerifySignatureResult,
} from './signature.ts';
export { normaliseTask, type NormalisedTask, type NormalisedTaskResult } from './task.ts';
export type { Task, TaskHandler } from './task-runner.ts';
