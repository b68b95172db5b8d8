using System.Text;
using System.Text.Json.Nodes;
using Ingest.Diagnostics;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Xunit;
using static Ingest.IntegrationTests.Repair.LetterStage;

namespace Ingest.IntegrationTests.Repair;

/// <summary><c>ingest deadletters export</c> and <c>import</c>: what a person mends in between.</summary>
public sealed class ImportTests(PostgresFixture postgres) : IDisposable
{
    private readonly string _file = Path.Combine(Directory.CreateTempSubdirectory("ingest-letters-").FullName, "letters.jsonl");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);

    [Fact]
    public async Task A_mended_line_is_a_row_under_the_stamp_and_device_of_its_letter_and_twice_changes_nothing()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(
            Message("""{"temperature": "warm",  "humidity": 40}""", at: 7),
            Message("""[{"temperature":1},{"temperature":"2 °C"},{"temperature":3}]""", at: 8));
        var lines = await ExportAsync(stage);
        Assert.Equal(2, lines.Length);
        foreach (var line in lines)
        {
            if (line["body"] is JsonObject whole)
            {
                whole["temperature"] = 21.5;
            }
            else
            {
                line["body"]![1]!["temperature"] = 2;
            }
        }

        await WriteAsync(lines);
        var first = await stage.JsonAsync(0, "import", _file);
        var rows = await stage.RowsAsync();
        var second = await stage.JsonAsync(0, "import", _file);

        Assert.Equal(2, first.GetProperty("stored").GetInt32());
        Assert.Equal(["7 a 21.5 40", "8 a 1 -", "8 a 2 -", "8 a 3 -"], rows);
        Assert.Equal((0, 2), (second.GetProperty("stored").GetInt32(), second.GetProperty("resolvedBefore").GetInt32()));
        Assert.Equal(rows, await stage.RowsAsync());
        Assert.Equal(new DeadLetterAccounts(2, 0, 2, 0, 0, 0, 0), await stage.AccountsAsync());
        Assert.Equal("import as ", await stage.ScalarAsync<string>("SELECT min(left(resolved_by, 10)) FROM dead_letters"));
    }

    [Fact]
    public async Task Wrong_lines_are_named_and_the_others_are_taken()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync([.. Enumerable.Range(0, 8).Select(number => Message("""{"temperature":"warm"}""", at: number))]);
        var lines = await ExportAsync(stage);
        var mended = """{"temperature":21}""";
        string With(int line, Action<JsonNode> change)
        {
            lines[line]["body"] = JsonNode.Parse(mended);
            change(lines[line]);
            return lines[line].ToJsonString();
        }

        await File.WriteAllLinesAsync(
            _file,
            [
                With(0, _ => { }),
                "{\"key\":",
                "",
                With(1, line => line["time"] = "2026-05-01T12:00:09Z"),
                With(2, line => line["device"] = "b"),
                With(3, line => line["key"] = new string('0', 64)),
                With(4, line => line["body"] = JsonNode.Parse("""{"temperature":true}""")),
                With(5, line => line["element"] = 4),
                With(6, line => line["bodyText"] = "x"),
                "{\"boddy\":1,\"body\":{},\"key\":\"00\"}",
                new string(' ', 9_000_000) + "x",
                With(7, _ => { }),
            ],
            TestContext.Current.CancellationToken);
        var before = await stage.ScalarAsync<string>("SELECT string_agg(reason || detail, ' ' ORDER BY key) FROM dead_letters");

        var import = await stage.RunAsync("import", _file);

        Assert.Equal(1, import.ExitCode);
        string[] expected =
        [
            "line 2: it is no JSON from byte", "line 4: its time is not the letter's, 2026-05-01T12:00:0",
            "line 5: its device is not the letter's, 'a'",
            "line 6: no dead letter has the key 0000", "line 7: wrong_type: temperature is true",
            "line 8: its element is neither the letter's, -1, nor -1", "line 9: it has several of body, bodyText and bodyBase64",
            "line 10: it has boddy, which no letter has", "line 11: it has more than 8388608 bytes",
        ];
        Assert.All(expected, line => Assert.Contains(line, import.Output, StringComparison.Ordinal));
        Assert.Equal(2, (await stage.RowsAsync()).Count);
        Assert.Equal(new DeadLetterAccounts(8, 6, 2, 0, 0, 0, 0), await stage.AccountsAsync());
        Assert.Equal(before, await stage.ScalarAsync<string>("SELECT string_agg(reason || detail, ' ' ORDER BY key) FROM dead_letters"));
    }

    [Fact]
    public async Task Hostile_bodies_come_out_as_plain_text_and_back_as_they_were()
    {
        await using var stage = await CreateAsync(postgres);
        byte[][] bodies =
        [
            "\e]0;owned\a{\e[2J\"temperature\":1"u8.ToArray(),
            [0xff, 0xfe, 0xfd, 0x00, 0x80],
            Encoding.UTF8.GetBytes("{\"temperature\":\"" + new string('x', 1_000_000) + "\"}"),
            "{\"temperature\":\"\\ud800\"}"u8.ToArray(),
            Encoding.UTF8.GetBytes(new string('[', 5_000) + new string(']', 5_000)),
            "\ufeff{\"temperature\":\"\u202e\u0085\",\n\"temperature\": 1e400 }"u8.ToArray(),
            [],
        ];
        await stage.LiveAsync([.. bodies.Select((body, number) => Message(body, at: number))]);
        Assert.Equal(bodies.Length, (await stage.AccountsAsync()).Open);
        var before = await stage.ScalarAsync<string>("SELECT string_agg(l::text, ' ' ORDER BY key) FROM dead_letters AS l");

        var export = await stage.RunAsync("export");
        await File.WriteAllTextAsync(_file, export.Output, TestContext.Current.CancellationToken);
        var import = await stage.RunAsync("import", _file);
        var shown = await Task.WhenAll(
            (await stage.JsonAsync(0, "list")).GetProperty("deadLetters").EnumerateArray()
                .Select(letter => stage.RunAsync("show", letter.GetProperty("key").GetString()!)));

        Assert.All(export.Output, character => Assert.True(character is '\n' or (>= ' ' and <= '~'), $"{(int)character:x}"));
        Assert.All(shown, letter => Assert.DoesNotContain('\e', letter.Output));
        Assert.Equal(1, import.ExitCode);
        Assert.Equal(bodies.Length, import.Output.Split('\n').Count(line => line.StartsWith("line ", StringComparison.Ordinal)));
        Assert.DoesNotContain('\e', import.Output);
        Assert.Empty(await stage.RowsAsync());
        Assert.Equal(before, await stage.ScalarAsync<string>("SELECT string_agg(l::text, ' ' ORDER BY key) FROM dead_letters AS l"));
    }

    [Fact]
    public async Task A_letter_without_a_stamp_or_a_device_can_be_given_one()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(Message("""{"temperature":1}""", at: null), Message("""{"temperature":2}""", device: null, at: 5));
        Assert.Equal(2, (await stage.JsonAsync(0, "retry")).GetProperty("rejected").EnumerateObject().Count());
        var lines = await ExportAsync(stage);
        Assert.Equal(["device_missing", "time_missing"], lines.Select(line => (string)line["reason"]!).Order());
        await WriteAsync(lines);
        Assert.Equal(1, (await stage.RunAsync("import", _file)).ExitCode);
        foreach (var line in lines)
        {
            line["time"] ??= "2026-05-01T12:00:00.0099999Z";
            line["device"] ??= "given";
        }

        await WriteAsync(lines);
        await stage.JsonAsync(0, "import", _file);

        Assert.Equal(["5 given 2 -", "9 a 1 -"], await stage.RowsAsync());
        Assert.Equal(new DeadLetterAccounts(2, 0, 2, 0, 0, 0, 0), await stage.AccountsAsync());
    }

    [Fact]
    public async Task Elements_that_other_settings_have_numbered_are_not_guessed_and_the_whole_body_can_be_imported()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.LiveAsync(Message("""[{"metrics":[{"temperature":1},{"temperature":2}]},{"metrics":[{"temperature":3}]}]"""));
        stage.Set("Telemetry__Readings", "[*].metrics[*]");

        var retry = await stage.JsonAsync(0, "retry");
        var lines = await ExportAsync(stage);
        await WriteAsync(lines);
        var refused = await stage.RunAsync("import", _file);
        foreach (var line in lines)
        {
            line["element"] = -1;
        }

        await WriteAsync(lines);
        var import = await stage.JsonAsync(0, "import", _file);

        Assert.Equal(2, retry.GetProperty("notTried")[0].GetProperty("count").GetInt32());
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("line 1: its element was counted by other settings", refused.Output, StringComparison.Ordinal);
        Assert.Equal((1, 1), (import.GetProperty("stored").GetInt32(), import.GetProperty("duplicate").GetInt32()));
        Assert.Equal(["0 a 1 -", "0 a 2 -", "0 a 3 -"], await stage.RowsAsync());
        Assert.Equal(new DeadLetterAccounts(2, 0, 1, 1, 0, 0, 0), await stage.AccountsAsync());
    }

    [Fact]
    public async Task Mapped_annotations_are_kept_with_a_letter_and_one_that_was_not_mapped_is_not_guessed()
    {
        await using var stage = await CreateAsync(postgres);
        await stage.ExecuteAsync("ALTER TABLE conditions ADD COLUMN interface text");
        var settings = Converting();
        settings.Columns[0].Convert = false;
        settings.Columns.Add(new ColumnSettings { Name = "interface", From = "annotation:dt-subject", Type = ColumnType.Text });
        var message = new Ingest.Events.RawEvent
        {
            Hub = "h",
            Partition = "0",
            RowTime = Stamp,
            DeviceId = "a",
            Annotations = new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase) { ["dt-subject"] = "thermo" },
            Body = """{"temperature":"5"}"""u8.ToArray(),
        };
        await stage.LiveAsync(new IngestSettings { Telemetry = settings }, message);
        stage.Convert().Set("Telemetry__Columns__2__Name", "interface").Set("Telemetry__Columns__2__Type", "text");

        var other = await stage.Set("Telemetry__Columns__2__From", "annotation:dt-dataschema").JsonAsync(0, "retry");
        var same = await stage.Set("Telemetry__Columns__2__From", "annotation:dt-subject").JsonAsync(0, "retry");

        Assert.StartsWith(
            "the annotation dt-dataschema is mapped",
            other.GetProperty("notTried")[0].GetProperty("because").GetString(),
            StringComparison.Ordinal);
        Assert.Equal(1, same.GetProperty("stored").GetInt32());
        Assert.Equal("thermo", await stage.ScalarAsync<string>("SELECT interface FROM conditions"));
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_named()
    {
        var import = await CliProcess.RunAsync(new Dictionary<string, string>(), "deadletters", "import", _file);

        Assert.Equal(2, import.ExitCode);
        Assert.Contains("letters.jsonl' cannot be read", import.Errors, StringComparison.Ordinal);
    }

    private static async Task<JsonNode[]> ExportAsync(LetterStage stage)
    {
        var export = await stage.RunAsync("export");
        Assert.True(export.ExitCode == 0, export.ToString());
        return [.. export.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
    }

    private Task WriteAsync(IEnumerable<JsonNode> lines) =>
        File.WriteAllLinesAsync(_file, lines.Select(line => line.ToJsonString()), TestContext.Current.CancellationToken);
}
