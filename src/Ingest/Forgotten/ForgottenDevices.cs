using System.Security.Cryptography;
using System.Text;
using Ingest.Events;
using Npgsql;

namespace Ingest.Forgotten;

/// <summary>
/// Devices whose readings from before a time are not stored again, as of one version of the tables <c>forgotten_devices</c> and
/// <c>forgotten_state</c>. Immutable.
/// </summary>
/// <remarks>
/// Whoever stores readings ends its transaction with <see cref="CheckOrFail"/>. <see cref="DeviceForgetter"/> commits a new version, waits
/// until every transaction that has written before has ended, and deletes then: so a reading of the device is either not stored, or stored
/// where it is deleted.
/// </remarks>
internal sealed class ForgottenDevices
{
    private const string ReadSql = """
        SELECT s.version, s.salt, d.device, d.until FROM forgotten_state AS s LEFT JOIN forgotten_devices AS d ON true
        """;

    private const string ChangedText = "devices were forgotten meanwhile";

    // No row where nothing has changed. The text depends on the row, or the planner would evaluate the cast in any case.
    private const string CheckSql = $"""
        SELECT FROM forgotten_state
        WHERE CASE WHEN version = $1 THEN false ELSE ('{ChangedText}, version ' || version)::boolean END
        """;

    private const int LongestOnStack = 512;

    private readonly long _version;
    private readonly byte[] _salt;
    private readonly Dictionary<string, Instant> _until;

    private ForgottenDevices(long version, byte[] salt, Dictionary<string, Instant> until)
    {
        _version = version;
        _salt = salt;
        _until = until;
    }

    public bool Any => _until.Count > 0;

    /// <summary>Reads them. One round trip.</summary>
    public static async Task<ForgottenDevices> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(ReadSql, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var (version, salt) = (-1L, Array.Empty<byte>());
        var until = new Dictionary<string, Instant>(StringComparer.Ordinal);
        while (await reader.ReadAsync(cancellationToken))
        {
            (version, salt) = (reader.GetInt64(0), reader.GetFieldValue<byte[]>(1));
            if (!await reader.IsDBNullAsync(2, cancellationToken))
            {
                until[Convert.ToHexString(reader.GetFieldValue<byte[]>(2))] = Instant.Of(reader.GetDateTime(3));
            }
        }

        return new ForgottenDevices(version, salt, until);
    }

    /// <summary>What a device is remembered by.</summary>
    public static byte[] HashOf(ReadOnlySpan<byte> salt, string device)
    {
        var length = salt.Length + Encoding.UTF8.GetMaxByteCount(device.Length);
        var bytes = length <= LongestOnStack ? stackalloc byte[LongestOnStack] : new byte[length];
        salt.CopyTo(bytes);
        return SHA256.HashData(bytes[..(salt.Length + Encoding.UTF8.GetBytes(device, bytes[salt.Length..]))]);
    }

    /// <summary>Whether a reading of a device at a time is not to be stored.</summary>
    public bool Cover(string? device, Instant time) =>
        Any && device is not null && _until.TryGetValue(Convert.ToHexString(HashOf(_salt, device)), out var until) && time < until;

    /// <summary>
    /// The statement that fails if other devices are forgotten now, which <see cref="HaveChanged"/> tells. It returns no row.
    /// </summary>
    public NpgsqlBatchCommand CheckOrFail() => new(CheckSql) { Parameters = { new NpgsqlParameter<long> { TypedValue = _version } } };

    /// <summary>Whether <see cref="CheckOrFail"/> has failed.</summary>
    public static bool HaveChanged(PostgresException exception) =>
        exception.SqlState == PostgresErrorCodes.InvalidTextRepresentation
            && exception.MessageText.Contains(ChangedText, StringComparison.Ordinal);
}
