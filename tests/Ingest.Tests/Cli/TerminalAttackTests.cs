using System.Globalization;
using System.Text;
using System.Text.Json;
using Ingest.Cli.Commands;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Cli.Up;
using Ingest.DeadLetters;
using Ingest.Diagnostics;
using Ingest.Worker.Hosting;
using Ingest.Worker.Partitions;
using Microsoft.Extensions.Logging;
using Spectre.Console;
using Xunit;

namespace Ingest.Tests.Cli;

/// <summary>
/// Every character that deceives a reader or steers a terminal, through every field that comes from outside, to every screen.
/// </summary>
public sealed class TerminalAttackTests
{
    private static readonly IReadOnlyList<string> Dangerous =
    [
        .. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7F, 0x21)).Select(code => ((char)code).ToString()),
        .. Enumerable.Range(0x200B, 5).Concat(Enumerable.Range(0x2028, 7)).Concat(Enumerable.Range(0x2060, 16)).Select(
            code => ((char)code).ToString()),
        "\u00AD", "\u034F", "\u061C", "\u115F", "\u180E", "\u3164", "\uFE0F", "\uFEFF", "\uFFA0", "\uFFF9", "\uE000",
        .. Enumerable.Range(0xE0020, 0x60).Select(char.ConvertFromUtf32), "\U000E0001", "\U000E0100", "\U000F0000",
        "\uD800", "\uDFFF",
    ];

    // Whole attacks besides: another title, a link, a colour, a line of its own, Spectre's own markup.
    private static readonly string Evil =
        string.Concat(Dangerous) + "\u001B]0;owned\u0007\u001B]8;;http://x\u001B\\\u001B[2J\r\nworker: ready [red]x[/]";

    public static TheoryData<string> Characters =>
        [.. Dangerous.Select(text => string.Concat(text.Select(unit => ((int)unit).ToString("X4", CultureInfo.InvariantCulture))))];

    [Theory]
    [MemberData(nameof(Characters))]
    public void A_dangerous_character_is_shown_and_not_sent(string units)
    {
        var text = string.Concat(
            units.Chunk(4).Select(unit => (char)int.Parse(unit, NumberStyles.HexNumber, CultureInfo.InvariantCulture)));

        var shown = string.Concat(text.Select(unit => $"\\u{(int)unit:X4}"));
        Assert.Equal($"a{shown}b", SafeText.Line($"a{text}b"));
    }

    [Theory]
    [InlineData("Gerät-7 温度 мера 🌡 é [x] {\"a\":1}")]
    public void What_people_write_stays_as_it_is(string text) => Assert.Equal(text, SafeText.Line(text));

    [Fact]
    public void A_line_is_bounded_and_says_how_much_is_left() =>
        Assert.Equal(
            new string('x', SafeText.LongestLine) + "… (1000000 more)", SafeText.Line(new string('x', SafeText.LongestLine + 1_000_000)));

    [Fact]
    public void The_live_view_sends_no_dangerous_character()
    {
        var warning = new LastWarning();
        warning.Log(LogLevel.Warning, default, Evil, null, (state, _) => state);
        var moment = new UpMoment(
            Evil, Evil, TimeSpan.Zero, 1, 1, 1, default, 1, 1,
            [new PartitionView(Evil, 1, 1, 1)], [new LastMessage(null, Evil, Evil)], warning.Text);

        AssertHarmless(Screen(output =>
        {
            output.Console.Write(UpView.Draw(moment));
            output.Console.Write(UpView.Draw(moment with { Warning = Evil }));
            output.Line(UpView.Line(moment with { Warning = Evil }));
        }));
    }

    [Fact]
    public void A_table_that_somebody_forgot_sends_no_dangerous_character() =>
        AssertHarmless(
            Screen(output => output.Console.Write(new Table().AddColumn(new TableColumn(new Text(Evil))).AddRow(new Text(Evil)))));

    [Fact]
    public void Status_sends_no_dangerous_character_of_worker_hub_or_table()
    {
        var partition = new PartitionStatus(Evil, 1, 1, 1, 1, TimeSpan.Zero, 0, IsAttached: false, 0, Evil, NeedsOperator: true, default);
        var health = new PipelineHealthSnapshot(PipelineState.Outage, default, RetryState.Waiting, Evil, Evil, 0, 0, 0);
        var report = new WorkerReport(false, Evil, Evil, Evil, Evil, health, [partition]);
        var line = new CheckpointLine(Evil, Evil, Evil, 1, Evil, 1, null, 1, 1, 1, 1, 1, 1, 1, 1, 1, default, Evil, default(DateTime));
        var stored = new StoredState([line], [new DayRows(default, 1)], [new ReasonCount(Evil, 1, default)], new(1, 0, 0, 0, 0, 0, 0));

        AssertHarmless(Screen(output =>
        {
            var view = new StatusView(output);
            view.Show(new WorkerAnswer(new Uri("http://127.0.0.1"), null, report), withPartitions: true);
            view.Show(
                new WorkerAnswer(new Uri("http://127.0.0.1"), null, report with { Database = health with { Error = null } }),
                withPartitions: true);
            view.Show(new WorkerAnswer(null, Evil, null), withPartitions: true);
            view.Show(Evil, stored, Evil, Evil, lagKnown: true);
        }));
    }

    [Fact]
    public void Dead_letters_send_no_dangerous_character()
    {
        var letter = Letter(Encoding.UTF8.GetBytes(Evil));
        var seen = Letter(Encoding.UTF8.GetBytes("one\ntwo \u202E\u200B\uFEFF"));

        AssertHarmless(Screen(output =>
        {
            new DeadLettersView(output).List([letter]);
            new DeadLettersView(output).Show(letter);
            new DeadLettersView(output).Show(seen);
        }));
    }

    [Fact]
    public void A_line_of_a_body_begins_none_of_ours()
    {
        var screen = Screen(output => new DeadLettersView(output).Show(Letter("{\n\"a\":1}\nreason  accepted"u8.ToArray())));

        Assert.DoesNotContain("\nreason  accepted", screen, StringComparison.Ordinal);
        Assert.Contains("\n  reason  accepted", screen, StringComparison.Ordinal);
    }

    [Fact]
    public void JSON_escapes_every_dangerous_character()
    {
        foreach (
            var json in (string[])[Output.Serialize(new { evil = Evil }), JsonSerializer.Serialize(new { evil = Evil }, WorkerReport.Json)])
        {
            Assert.All(json, character => Assert.InRange(character, ' ', '~'));
        }
    }

    [Fact]
    public void A_list_of_problems_has_a_line_for_each_whatever_they_quote()
    {
        var list = ErrorLines.List("Wrong:", [Evil, Evil]);

        Assert.Equal(3, SafeText.Lines(list).Split(Environment.NewLine).Length);
        AssertHarmless(SafeText.Lines(list));
    }

    private static string Screen(Action<Output> draw)
    {
        using var writer = new StringWriter();
        draw(new Output(json: false, writer));
        return writer.ToString();
    }

    private static void AssertHarmless(string screen)
    {
        Assert.Contains(
            "\\u001B]0;owned",
            screen.ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal).Replace("│", "", StringComparison.Ordinal),
            StringComparison.Ordinal);
        Assert.DoesNotContain("\nworker: ready", screen, StringComparison.Ordinal);
        foreach (var rune in screen.ReplaceLineEndings("").EnumerateRunes())
        {
            Assert.True(
                rune != Rune.ReplacementChar && !Dangerous.Contains(rune.ToString()),
                string.Create(CultureInfo.InvariantCulture, $"U+{rune.Value:X4} was sent"));
        }
    }

    private static StoredDeadLetter Letter(byte[] body) => new()
    {
        Key = new byte[32],
        Device = Evil,
        Module = Evil,
        Reason = Evil,
        Detail = Evil,
        Hub = Evil,
        Partition = Evil,
        Offset = Evil,
        MessageId = Evil,
        MessageSource = Evil,
        ContentType = Evil,
        ContentEncoding = Evil,
        Properties = Evil,
        Resolution = Evil,
        ResolvedBy = Evil,
        Because = Evil,
        Body = body,
    };
}
