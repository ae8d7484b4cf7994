export { createAgent, type Agent } from './agent.ts';
export type { AgentOptions } from './agent-options.ts';
export type {
  AgentEvent,
  AgentEventType,
  AgentFilter,
  AgentPage,
  AgentPatch,
  AgentRecord,
  AgentRegistration,
  AgentStatus,
  ApiKeyRecord,
  ApiKeyScope,
  Health,
  MessageRequest,
  NewApiKey,
  NotModified,
  OverlapOptions,
  PageFilter,
  RegisteredAgent,
  RotatedSecret,
  SecretRotation,
  TaskAttempt,
  TaskFilter,
  TaskReceipt,
  TaskRecord,
  TaskRequest,
  TaskState,
  TaskSummary,
  WhoAmI,
} from './api-types.ts';
export type { CallOptions } from './calls.ts';
export { AgentKitClient, type ClientOptions } from './client.ts';
export type {
  AttemptPhases,
  DeliveryAttempt,
  DeliveryFilter,
  DeliveryKind,
  DeliveryRecord,
  DeliveryState,
  DeliverySummary,
  ReplayFilter,
  ReplayRecord,
  WebhookPing,
} from './delivery-types.ts';
export type { Count, FailingDeliveries, ServiceOverview } from './overview-types.ts';
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
