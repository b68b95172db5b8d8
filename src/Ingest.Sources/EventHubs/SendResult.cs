namespace Ingest.Sources.EventHubs;

/// <summary>Messages the hub has accepted.</summary>
/// <param name="Messages">How many there were.</param>
/// <param name="Resent">
/// Of those, how many were sent more than once, because an answer was lost. The hub may hold each of them twice, with another sequence
/// number.
/// </param>
public readonly record struct SendResult(int Messages, int Resent);
