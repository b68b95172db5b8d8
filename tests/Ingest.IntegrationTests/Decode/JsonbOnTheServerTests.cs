using System.Text;
using System.Text.Unicode;
using Dapper;
using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Fuzzing;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Decode;

/// <summary>The server is the judge of what jsonb holds and of what it calls equal.</summary>
public sealed class JsonbOnTheServerTests(PostgresFixture postgres)
{
    private static readonly string[] Notations =
    [
        "1", "1.0", "1e0", "100e-2", "0.1e1", "-0", "0", "0.00", "0e5", "1e2", "100", "1e400", "1e-400", "1e131071", "1e131072", "-1e131072", "1e-16383", "1e-16384",
        "12345678901234567890123456789.5", "1234567890123456789012345678950e-2", "\"a\"", "\"\\u0061\"", "\"\\/\"", "\"/\"", "\"\\u0000\"", "\"\\ud800\"",
        "\"\\ud83d\\ude00\"", "\"😀\"", "\"\\n\"", "\"\\u000A\"", "null", "\"null\"", "{}", "[]", "[[]]", "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}",
        "{\"a\":0,\"b\":2,\"a\":1}", "{\"aa\":1,\"b\":2}", "{\"\":1}", "{\"a\":{\"c\":1}}", "{\"a\":{\"b\":1},\"a\":{\"c\":1.0}}", "[1,2]", "[2,1]", "true", "\"\u007f\"", "\"é\"", "\"e\u0301\"",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_sent_is_valid_means_the_same_and_is_recognised_when_it_is_read_back()
    {
        var texts = Texts(20_000);
        var values = texts.Select(TryCanonicalize).ToArray();
        await using var connection = await OpenAsync();

        var server = (await connection.QueryAsync<(bool OriginalIsValid, bool? Same, string? Text)>(
            """
            SELECT pg_input_is_valid(original, 'jsonb'),
                   CASE WHEN pg_input_is_valid(original, 'jsonb') AND canonical IS NOT NULL THEN original::jsonb = canonical::jsonb END,
                   canonical::jsonb::text
            FROM unnest(@texts, @canonical) WITH ORDINALITY AS t (original, canonical, i)
            ORDER BY i
            """,
            new { texts, canonical = values.Select(value => value?.Canonical).ToArray() },
            commandTimeout: 120)).ToArray();

        Assert.Equal(texts.Length, server.Length);
        for (var i = 0; i < texts.Length; i++)
        {
            if (values[i] is { } value)
            {
                Assert.True(server[i].Same ?? true, $"{texts[i]} was sent as {value.Canonical}");
                Assert.Equal(value, JsonbValue.FromText(server[i].Text!));
            }
            else
            {
                Assert.False(server[i].OriginalIsValid, $"the server takes {texts[i]}");
            }
        }

        Assert.True(values.Count(value => value is not null) > 2_000);
        Assert.True(server.Count(row => row.Same == true) > 2_000);
    }

    [Fact]
    public async Task Two_values_are_equal_here_exactly_where_the_server_says_so()
    {
        await using var connection = await OpenAsync();
        var candidates = Texts(2_000).Where(text => TryCanonicalize(text) is not null).Distinct().Take(300).ToArray();
        var texts = (await connection.QueryAsync<string>("SELECT t FROM unnest(@candidates) AS t WHERE pg_input_is_valid(t, 'jsonb')", new { candidates })).ToArray();

        var equal = (await connection.QueryAsync<(int One, int Two)>(
            """
            SELECT a.i::integer, b.i::integer
            FROM unnest(@texts) WITH ORDINALITY AS a (t, i), unnest(@texts) WITH ORDINALITY AS b (t, i)
            WHERE a.i < b.i AND a.t::jsonb = b.t::jsonb
            """,
            new { texts },
            commandTimeout: 120)).ToHashSet();

        var values = texts.Select(JsonbValue.FromText).ToArray();
        var ours = Enumerable.Range(1, texts.Length)
            .SelectMany(one => Enumerable.Range(one + 1, texts.Length - one).Select(two => (One: one, Two: two)))
            .Where(pair => values[pair.One - 1] == values[pair.Two - 1])
            .ToHashSet();
        Assert.Empty(ours.Except(equal).Concat(equal.Except(ours)).Select(pair => $"{texts[pair.One - 1]} and {texts[pair.Two - 1]}"));
        Assert.True(equal.Count > 20, $"{equal.Count} pairs are equal: too few to prove anything");
    }

    [Fact]
    public async Task The_server_writes_a_value_out_in_as_many_bytes_as_were_counted()
    {
        using var canonicalizer = new JsonbCanonicalizer();
        var counted = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var text in Texts(20_000))
        {
            // The server has shorter escapes for some control characters.
            if (canonicalizer.TryCanonicalize(Encoding.UTF8.GetBytes(text), out var value) == ValueFault.None && !value.Canonical.Contains("\\u", StringComparison.Ordinal))
            {
                counted[value.Canonical] = canonicalizer.WrittenLength;
            }
        }

        await using var connection = await OpenAsync();
        var written = await connection.QueryAsync<(string Text, long Bytes)>(
            "SELECT t, octet_length(t::jsonb::text)::bigint FROM unnest(@texts) AS t WHERE pg_input_is_valid(t, 'jsonb')", new { texts = counted.Keys.ToArray() }, commandTimeout: 120);

        Assert.True(counted.Count > 500, $"{counted.Count} different values are too few to prove anything");
        Assert.All(written, row => Assert.Equal((row.Text, counted[row.Text]), row));
    }

    private static string[] Texts(int mutated)
    {
        var mutator = new BodyMutator(seed: 3);
        return
        [
            .. Notations,
            .. Enumerable.Range(0, mutated).Select(_ => mutator.Next()).Where(body => Utf8.IsValid(body) && !body.Contains((byte)0)).Select(Encoding.UTF8.GetString),
        ];
    }

    private static JsonbValue? TryCanonicalize(string text)
    {
        try
        {
            return JsonbValue.FromText(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(await postgres.CreateDatabaseAsync(Token));
        await connection.OpenAsync(Token);
        return connection;
    }
}
