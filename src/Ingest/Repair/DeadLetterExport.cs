using Ingest.DeadLetters;
using Npgsql;

namespace Ingest.Repair;

/// <summary>Writes dead letters as lines of JSON, for <see cref="DeadLetterImport"/> to take back when somebody has mended them.</summary>
public sealed class DeadLetterExport(NpgsqlDataSource dataSource)
{
    /// <param name="filter">Which.</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async Task RunAsync(DeadLetterFilter filter, Stream output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(output);
        await foreach (var page in new DeadLetterReader(dataSource).PagesAsync(filter, cancellationToken))
        {
            foreach (var letter in page)
            {
                await output.WriteAsync(LetterLine.Write(letter), cancellationToken);
            }
        }

        await output.FlushAsync(cancellationToken);
    }
}
