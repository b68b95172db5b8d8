using System.Globalization;
using System.Text;
using Ingest.Cli.Terminal;
using Ingest.DeadLetters;
using Spectre.Console;

namespace Ingest.Cli.Commands;

/// <summary>What <c>ingest deadletters</c> shows to people.</summary>
internal sealed class DeadLettersView(Output output)
{
    private const int ShownDigits = 12;

    public void List(IReadOnlyList<StoredDeadLetter> found)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("key", "received (UTC)", "device", "reason", "detail");
        foreach (var letter in found)
        {
            table.AddRow(
                ShortKey(letter),
                letter.ReceivedAt.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
                Output.Cell(letter.Device ?? "–"),
                Output.Cell(letter.Reason),
                Output.Cell(letter.Resolution is { } resolution ? $"{resolution}: {letter.Detail}" : letter.Detail));
        }

        output.Console.Write(table);
        output.Line("ingest deadletters show <key> shows one whole.");
    }

    /// <summary>One whole.</summary>
    public void Show(StoredDeadLetter letter)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach (var (name, value) in Fields(letter))
        {
            grid.AddRow($"[grey]{name}[/]", Output.Cell(value));
        }

        output.Console.Write(grid);
        output.Line("");
        output.Block(BodyText(letter.Body) ?? Convert.ToHexString(letter.Body));
    }

    private static IEnumerable<(string Name, string Value)> Fields(StoredDeadLetter letter)
    {
        yield return ("key", Convert.ToHexStringLower(letter.Key));
        yield return ("reason", letter.Reason);
        yield return ("detail", letter.Detail);
        yield return ("element", letter.Element < 0 ? "whole body" : letter.Element.ToString(CultureInfo.InvariantCulture));
        yield return ("time", letter.Time?.ToString("O", CultureInfo.InvariantCulture) ?? "–");
        yield return ("device", letter.Device ?? "–");
        yield return ("module", letter.Module ?? "–");
        yield return (
            "hub",
            $"{letter.Hub}, partition {letter.Partition}, sequence number "
                + $"{letter.SequenceNumber?.ToString(CultureInfo.InvariantCulture) ?? "–"}, offset {letter.Offset ?? "–"}");
        yield return (
            "message",
            $"id {letter.MessageId ?? "–"}, source {letter.MessageSource ?? "–"}, content type {letter.ContentType ?? "–"}, encoding "
                + $"{letter.ContentEncoding ?? "–"}");
        yield return ("properties", letter.Properties);
        yield return ("received", letter.ReceivedAt.ToString("O", CultureInfo.InvariantCulture));
        yield return ("body", $"{letter.Body.Length} bytes");
        if (letter.Resolution is { } resolution)
        {
            yield return (
                "resolved",
                $"{resolution} at {letter.ResolvedAt?.ToString("O", CultureInfo.InvariantCulture)} by {letter.ResolvedBy}"
                    + (letter.Because is { } because ? $", because {because}" : ""));
        }
    }

    /// <summary>The body as text, or null where it is none that a terminal should be given.</summary>
    internal static string? BodyText(byte[] body)
    {
        try
        {
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(body);
            return text.Any(character => char.IsControl(character) && character is not ('\t' or '\r' or '\n')) ? null : text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    // Another writer's dead letters may have shorter keys: whatever the table holds is shown.
    private static string ShortKey(StoredDeadLetter letter) =>
        Convert.ToHexStringLower(letter.Key) is var key && key.Length > ShownDigits ? key[..ShownDigits] : key;
}
