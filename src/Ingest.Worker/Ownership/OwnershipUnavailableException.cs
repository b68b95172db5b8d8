namespace Ingest.Worker.Ownership;

/// <summary>Who owns which partition cannot be read or written now. The worker keeps what it has, and asks again.</summary>
internal sealed class OwnershipUnavailableException(string message, Exception innerException) : Exception(message, innerException);
