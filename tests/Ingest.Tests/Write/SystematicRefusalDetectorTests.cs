using Ingest.Columns;
using Ingest.Decode;
using Ingest.Settings;
using Ingest.Write;
using Xunit;

namespace Ingest.Tests.Write;

public sealed class SystematicRefusalDetectorTests
{
    private static readonly ColumnDefinition[] Mapped = [new("temperature", ColumnType.Double, false)];
    private static readonly DecodedBatch Batch = new([], new ReadingColumns(Mapped), [], 0);

    private readonly SystematicRefusalDetector _streak = new();

    [Fact]
    public void Some_refused_rows_among_others_are_poison() => Assert.Null(_streak.Judge(5_000, Refused(4_999), Mapped));

    [Fact]
    public void All_of_a_hundred_rows_refused_with_one_code_are_the_operators_mistake() => Assert.NotNull(_streak.Judge(100, Refused(100), Mapped));

    [Fact]
    public void All_of_fewer_rows_are_poison_until_a_hundred_were_refused_in_a_row()
    {
        Assert.Null(_streak.Judge(60, Refused(60), Mapped));
        _streak.Committed(0, Codes(60));
        Assert.NotNull(_streak.Judge(40, Refused(40), Mapped));
    }

    [Fact]
    public void The_same_rows_count_once_however_often_their_flush_is_tried()
    {
        for (var attempt = 0; attempt < 10; attempt++)
        {
            Assert.Null(_streak.Judge(60, Refused(60), Mapped));
        }
    }

    [Fact]
    public void A_stored_row_ends_the_row_of_refusals()
    {
        _streak.Committed(0, Codes(60));
        _streak.Committed(1, []);
        Assert.Null(_streak.Judge(60, Refused(60), Mapped));
    }

    [Fact]
    public void A_flush_of_nothing_new_does_not()
    {
        _streak.Committed(0, Codes(60));
        _streak.Committed(0, []);
        Assert.NotNull(_streak.Judge(60, Refused(60), Mapped));
    }

    [Fact]
    public void Another_code_begins_another_row()
    {
        _streak.Committed(0, Codes(60, "22003"));
        Assert.Null(_streak.Judge(60, Refused(60), Mapped));
        _streak.Committed(0, Codes(60));
        Assert.NotNull(_streak.Judge(60, Refused(60), Mapped));
    }

    [Fact]
    public void Different_codes_end_the_row()
    {
        _streak.Committed(0, Codes(60));
        _streak.Committed(0, ["23514", "22003"]);
        Assert.Null(_streak.Judge(60, Refused(60), Mapped));
    }

    [Fact]
    public void A_NOT_NULL_column_that_is_not_mapped_is_a_mistake_from_the_first_row() =>
        Assert.Contains("site", _streak.Judge(1, [new RefusedRow(Batch, 0, "23502", "site", "null value")], Mapped)!, StringComparison.Ordinal);

    [Fact]
    public void A_NOT_NULL_column_that_is_mapped_is_poison() =>
        Assert.Null(_streak.Judge(1, [new RefusedRow(Batch, 0, "23502", "temperature", "null value")], Mapped));

    private static string[] Codes(int rows, string code = "23514") => [.. Enumerable.Repeat(code, rows)];

    private static RefusedRow[] Refused(int rows) => [.. Enumerable.Range(0, rows).Select(row => new RefusedRow(Batch, row, "23514", null, "check"))];
}
