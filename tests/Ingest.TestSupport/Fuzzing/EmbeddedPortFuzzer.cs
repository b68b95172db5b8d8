using System.Buffers.Binary;
using System.Text;
using Ingest.TestSupport.Network;
using Npgsql;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>
/// Sends bytes that no client would send to the embedded database's port, each input on a connection of its own: mostly as somebody who
/// does not have the secret, now and then as somebody who has. Nobody without it may get in, every connection must end, and the others must
/// be served.
/// </summary>
public sealed class EmbeddedPortFuzzer(string connectionString, int seed)
{
    private const int AtOnce = 8;
    private const int LookEvery = 1_000;
    private const int LoggedInEvery = 100;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly byte[] AuthenticationOk = PostgresWire.Message('R', new byte[4]);

    private readonly NpgsqlConnectionStringBuilder _settings = new(connectionString) { Pooling = false };

    public long Inputs { get; private set; }

    /// <summary>Of those, how many were sent after a login.</summary>
    public long LoggedIn { get; private set; }

    /// <summary>Sends <paramref name="inputs"/> more.</summary>
    /// <returns>Null, or what went wrong, with the input, in base64, where it is known.</returns>
    public async Task<string?> RunAsync(long inputs, CancellationToken cancellationToken)
    {
        for (var end = Inputs + inputs; Inputs < end;)
        {
            var count = (int)Math.Min(LookEvery, end - Inputs);
            string? failure = null;
            await Parallel.ForEachAsync(
                Enumerable.Range(0, count),
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
                async (i, token) => failure = await SendAsync(Inputs + i, token) ?? failure);
            Inputs += count;
            LoggedIn += count / LoggedInEvery;
            failure ??= await LookAsync(cancellationToken);
            if (failure is not null)
            {
                return failure;
            }
        }

        return null;
    }

    private async Task<string?> SendAsync(long number, CancellationToken cancellationToken)
    {
        var random = new Random(unchecked((int)((seed * 1_000_003L) + number)));
        var isIn = number % LoggedInEvery == 0;
        var input = isIn ? AfterLogin(random) : BeforeLogin(random);
        try
        {
            await using var wire = isIn
                ? await PostgresWire.LogInAsync(_settings.Port, _settings.Username!, _settings.Password!, cancellationToken)
                : await PostgresWire.ConnectAsync(_settings.Port, cancellationToken);
            var answer = await wire.SendAndFinishAsync(input, cancellationToken).WaitAsync(
                Patience, TimeProvider.System, cancellationToken);
            return !isIn && answer.AsSpan().IndexOf(AuthenticationOk) >= 0 ? Failure("was let in by") : null;
        }
        catch (TimeoutException)
        {
            return Failure("was not ended after");
        }

        string Failure(string what) =>
            $"seed {seed}, input {number}: a client {(isIn ? "with" : "without")} the secret {what} {Convert.ToBase64String(input)}";
    }

    private async Task<string?> LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = new NpgsqlConnection(_settings.ConnectionString);
            await connection.OpenAsync(cancellationToken);
            await using var command = new NpgsqlCommand("SELECT session_user || ' ' || current_setting('is_superuser')", connection);
            var who = (string?)await command.ExecuteScalarAsync(cancellationToken);
            return who == $"{_settings.Username} off" ? null : $"seed {seed}: before input {Inputs} the session had become {who}";
        }
        catch (NpgsqlException e)
        {
            return $"seed {seed}: before input {Inputs} an honest client was not served any more: {e.Message}";
        }
    }

    private static byte[] BeforeLogin(Random random)
    {
        var parts = new List<byte[]>();
        if (random.Next(4) == 0)
        {
            // The requests for encryption.
            parts.Add([0, 0, 0, 8, 0x04, 0xD2, 0x16, (byte)(0x2F + random.Next(2))]);
        }

        if (random.Next(6) > 0)
        {
            parts.Add(PostgresWire.StartUp(("user", "ingest"), ("database", "postgres"), ("application_name", Text(random))));
        }

        if (random.Next(3) > 0)
        {
            parts.Add(PostgresWire.InitialResponse("SCRAM-SHA-256", Encoding.UTF8.GetBytes($"n,,n=*,r={Text(random)}")));
            parts.Add(
                PostgresWire.Message(
                    'p', Encoding.UTF8.GetBytes($"c=biws,r={Text(random)},p={Convert.ToBase64String(Bytes(random, 32))}")));
        }

        if (random.Next(3) == 0)
        {
            parts.Add(AfterLogin(random));
        }

        return random.Next(8) == 0 ? Bytes(random, random.Next(64)) : Damaged(random, [.. parts.SelectMany(part => part)]);
    }

    private static byte[] AfterLogin(Random random)
    {
        string[] statements =
            ["SELECT 1", "BEGIN", "SELECT $1::int", "COMMIT", "COPY t FROM STDIN", "SELECT 1; SELECT 2", "DISCARD ALL", "x", ""];
        byte[] Parse() => PostgresWire.Message('P', [0, .. Encoding.UTF8.GetBytes(statements[random.Next(statements.Length)]), 0, 0, 0]);
        byte[][] messages =
        [
            PostgresWire.Query(statements[random.Next(statements.Length)]), Parse(), PostgresWire.Message('B', new byte[8]),
            PostgresWire.Message('D', (byte)'P', 0),
            PostgresWire.Message('E', new byte[5]), PostgresWire.Message('C', (byte)'S', 0), PostgresWire.Message('S'),
            PostgresWire.Message('H'),
            PostgresWire.Message('d', 1, 2), PostgresWire.Message('c'), PostgresWire.Message('F', new byte[10]), PostgresWire.Message(
                (char)random.Next(128), Bytes(random, random.Next(12))),
        ];
        return Damaged(random, [.. Enumerable.Range(0, random.Next(1, 8)).SelectMany(_ => messages[random.Next(messages.Length)])]);
    }

    private static byte[] Damaged(Random random, byte[] bytes)
    {
        for (var times = random.Next(4); times > 0 && bytes.Length > 0; times--)
        {
            var at = random.Next(bytes.Length);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes = bytes[..at];
                    break;
                case 2:
                    bytes = [.. bytes[..at], .. Bytes(random, random.Next(16)), .. bytes[at..]];
                    break;
                case 3:
                    bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(16))..]];
                    break;
                default:
                    int[] lengths = [0, 1, 3, 4, 7, 8, -1, int.MaxValue, int.MinValue, 10_000, 10_001, 65 * 1024 * 1024];
                    if (at + 4 <= bytes.Length)
                    {
                        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at), lengths[random.Next(lengths.Length)]);
                    }

                    break;
            }
        }

        return bytes;
    }

    private static string Text(Random random) => new([.. Enumerable.Range(0, random.Next(30)).Select(_ => (char)random.Next(0x21, 0x7F))]);

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
