using System.Globalization;
using System.Text;
using Ingest.TestSupport.Network;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>
/// Sends bytes to a worker's health port that no probe would send: requests of any method, target, header and body, damaged or not, one after the other, each
/// input on a connection of its own. Every connection must end, nobody be told how the worker stands under a foreign name, and honest probes be answered.
/// </summary>
public sealed class HealthPortFuzzer(int port, int seed)
{
    private const int LookEvery = 1_000;
    private const string Foreign = "evil.example";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly string[] Methods = ["GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "TRACE", "PRI", "get", "G\0T", ""];
    private static readonly string[] Ends = ["\r\n", "\r\n", "\r\n", "\n", "\r", "\0\r\n"];
    private static readonly string[] Versions = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.1 ", "http/1.1", ""];
    private static readonly string[] Hosts = ["127.0.0.1", "localhost", "[::1]", Foreign, Foreign, "", "a b", "127.0.0.1:99999", "127.0.0.1@" + Foreign, "\u00e9", "::", "."];

    public long Inputs { get; private set; }

    /// <summary>Of those, how many asked under a foreign name in a request that was whole.</summary>
    public long AskedByForeignName { get; private set; }

    /// <summary>Of those, how many were answered with a status.</summary>
    public long Answered { get; private set; }

    /// <summary>Sends <paramref name="inputs"/> more.</summary>
    /// <param name="inputs">How many.</param>
    /// <param name="answers">Whether an honest probe is answered.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null, or what went wrong, with the input, in base64, where it is known.</returns>
    public async Task<string?> RunAsync(long inputs, Func<Task<bool>> answers, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(answers);
        for (var end = Inputs + inputs; Inputs < end;)
        {
            var count = (int)Math.Min(LookEvery, end - Inputs);
            string? failure = null;
            var (foreign, answered) = (0, 0);
            await Parallel.ForEachAsync(
                Enumerable.Range(0, count),
                new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken },
                async (i, token) =>
                {
                    var (input, isForeign) = Input(new Random(unchecked((int)((seed * 1_000_003L) + Inputs + i))));
                    var said = await RawConnection.SendAsync(port, input, Patience, token);
                    var text = Encoding.Latin1.GetString(said ?? []);
                    var what = said is null ? "a connection was not ended" : isForeign && text.Contains("\"partitions\"", StringComparison.Ordinal) ? "a foreign name was answered" : null;
                    failure ??= what is null ? null : string.Create(CultureInfo.InvariantCulture, $"seed {seed}, input {Inputs + i}: {what} after {Convert.ToBase64String(input)}");
                    Interlocked.Add(ref foreign, isForeign ? 1 : 0);
                    Interlocked.Add(ref answered, text.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) ? 1 : 0);
                });
            Inputs += count;
            AskedByForeignName += foreign;
            Answered += answered;
            failure ??= await answers() ? null : $"seed {seed}: before input {Inputs} an honest probe was not answered any more";
            if (failure is not null)
            {
                return failure;
            }
        }

        return null;
    }

    private static (byte[] Bytes, bool IsForeign) Input(Random random)
    {
        if (random.Next(8) == 0)
        {
            return random.Next(3) switch
            {
                // The preface of HTTP/2, and the beginning of a TLS handshake.
                0 => ([.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Bytes(random, random.Next(60))], false),
                1 => ([0x16, 0x03, 0x01, .. Bytes(random, random.Next(120))], false),
                _ => (Bytes(random, random.Next(200)), false),
            };
        }

        if (random.Next(8) == 0)
        {
            return (Encoding.Latin1.GetBytes($"GET /readyz HTTP/1.1\r\nHost: {Foreign}\r\nX-Forwarded-Host: localhost\r\nConnection: close\r\n\r\n"), true);
        }

        var requests = new StringBuilder();
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            requests.Append(Request(random));
        }

        return (Damaged(random, Encoding.Latin1.GetBytes(requests.ToString())), false);
    }

    private static string Request(Random random)
    {
        var end = Pick(random, Ends);
        var request = new StringBuilder();
        request.Append(Pick(random, Methods)).Append(' ').Append(Target(random)).Append(' ').Append(Pick(random, Versions)).Append(end);
        for (var hosts = random.Next(3); hosts > 0; hosts--)
        {
            request.Append("Host: ").Append(Pick(random, Hosts)).Append(end);
        }

        for (var headers = random.Next(5) == 0 ? random.Next(200) : random.Next(4); headers > 0; headers--)
        {
            request.Append(Header(random)).Append(end);
        }

        return request.Append(end).Append(random.Next(3) == 0 ? Body(random) : "").ToString();
    }

    private static string Target(Random random) => random.Next(9) switch
    {
        0 => "/healthz",
        1 => "/",
        2 => $"http://{Pick(random, Hosts)}/readyz",
        3 => "*",
        4 => "//readyz/../readyz/%2e%2e/%00/%zz?" + Text(random, 40),
        5 => "/" + Long(random, 'a', 20_000),
        6 => Text(random, 30),
        _ => "/readyz",
    };

    private static string Header(Random random)
    {
        var chunked = random.Next(2) == 0 ? "chunked" : "gzip, chunked, " + Text(random, 8);
        return random.Next(12) switch
        {
            0 => $"Content-Length: {random.Next(-2, 2_000_000_000)}",
            1 => "Content-Length: 99999999999999999999999",
            2 => $"Content-Length: {random.Next(20)}, {random.Next(20)}",
            3 or 4 => $"Transfer-Encoding: {chunked}",
            5 => "Expect: 100-continue",
            6 => "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: " + Text(random, 20),
            7 => $"{Text(random, 20)}: {Long(random, 'b', 40_000)}",
            8 => $" folded {Text(random, 20)}",
            9 => $"Cookie: {Text(random, 60)}\r\nRange: bytes=0-{random.Next()},-1\r\nAuthorization: Basic {Text(random, 20)}",
            10 => $"{Text(random, 10)}",
            _ => $"{Text(random, 10)}:{Text(random, 30)}",
        };
    }

    private static string Body(Random random) => random.Next(3) switch
    {
        0 => string.Create(CultureInfo.InvariantCulture, $"{random.Next():x}\r\n{Text(random, 50)}\r\n0\r\n\r\n"),
        1 => "ffffffffffffffffff;x=\"\r\n" + Text(random, 50),
        _ => Text(random, 300),
    };

    private static byte[] Damaged(Random random, byte[] bytes)
    {
        for (var times = random.Next(4); times > 0 && bytes.Length > 0; times--)
        {
            var at = random.Next(bytes.Length);
            bytes = random.Next(4) switch
            {
                0 => bytes[..at],
                1 => [.. bytes[..at], .. Bytes(random, random.Next(16)), .. bytes[at..]],
                2 => [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(16))..]],
                _ => [.. bytes[..at], (byte)random.Next(256), .. bytes[(at + 1)..]],
            };
        }

        return bytes;
    }

    // Past the server's bounds now and then.
    private static string Long(Random random, char character, int most) => new(character, random.Next(random.Next(20) == 0 ? most : 200));

    private static string Pick(Random random, string[] from) => from[random.Next(from.Length)];

    private static string Text(Random random, int most) => new([.. Enumerable.Range(0, random.Next(most)).Select(_ => (char)random.Next(0x20, 0x100))]);

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
