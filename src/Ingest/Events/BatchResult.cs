namespace Ingest.Events;

/// <summary>A batch whose every reading is durable.</summary>
/// <param name="Accounts">Where its readings ended.</param>
/// <param name="CommittedAt">When the transaction that made the last of them durable had committed, by the local clock, UTC.</param>
public sealed record BatchResult(Accounts Accounts, DateTimeOffset CommittedAt);
