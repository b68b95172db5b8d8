namespace Ingest.DeadLetters;

/// <summary>Which dead letters are meant; a null condition does not restrict.</summary>
/// <param name="Reason">The reason code.</param>
/// <param name="Device">The device.</param>
/// <param name="Since">Received at or after this time.</param>
/// <param name="Limit">Most dead letters listed, newest first.</param>
public sealed record DeadLetterFilter(string? Reason = null, string? Device = null, DateTimeOffset? Since = null, int Limit = 50)
{
    /// <summary>Received before this time.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Stamped at or after this time.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Stamped before this time.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Their keys.</summary>
    public IReadOnlyList<byte[]>? Keys { get; init; }

    /// <summary>Whether those that are resolved are meant too.</summary>
    public bool WithResolved { get; init; }

    internal const string Condition =
        """
        (@Reason::text IS NULL OR reason = @Reason)
        AND (@Device::text IS NULL OR device = @Device)
        AND (@Since::timestamptz IS NULL OR received_at >= @Since)
        AND (@Until::timestamptz IS NULL OR received_at < @Until)
        AND (@From::timestamptz IS NULL OR time >= @From)
        AND (@To::timestamptz IS NULL OR time < @To)
        AND (@Keys::bytea[] IS NULL OR key = ANY(@Keys))
        AND (@WithResolved OR resolution IS NULL)
        """;

    internal Dapper.DynamicParameters Parameters()
    {
        var parameters = new Dapper.DynamicParameters();
        parameters.Add(nameof(Reason), Reason);
        parameters.Add(nameof(Device), Device);
        parameters.Add(nameof(Since), Since?.UtcDateTime);
        parameters.Add(nameof(Until), Until?.UtcDateTime);
        parameters.Add(nameof(From), From?.UtcDateTime);
        parameters.Add(nameof(To), To?.UtcDateTime);
        parameters.Add(nameof(Keys), Keys?.ToArray());
        parameters.Add(nameof(WithResolved), WithResolved);
        return parameters;
    }
}
