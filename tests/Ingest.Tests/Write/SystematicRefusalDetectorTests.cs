using Ingest.Failures;
using Ingest.Columns;
using Ingest.Decode;
using Ingest.Settings;
using Ingest.Write;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Xunit;

namespace Ingest.Tests.Write;

public sealed class SystematicRefusalDetectorTests
{
    private const string Check = "23514";
    private const string Trigger = "P0001";

    private static readonly ColumnDefinition[] Mapped = [new("temperature", ColumnType.Double, false)];
    private static readonly DecodedBatch Batch = new([], new ReadingColumns(Mapped), [], 0);

    private readonly FakeTimeProvider _clock = new();
    private readonly SystematicRefusalDetector _streak;

    public SystematicRefusalDetectorTests() => _streak = new SystematicRefusalDetector(_clock);

    [Fact]
    public void Some_refused_rows_among_others_are_poison() => Assert.Null(Judge(Rows(4_999), tried: 5_000));

    [Fact]
    public void All_of_a_hundred_rows_refused_with_one_code_are_the_operators_mistake() => Assert.NotNull(Judge(Rows(100)));

    [Fact]
    public void All_of_fewer_rows_are_poison_until_a_hundred_were_refused_in_a_row()
    {
        Assert.Null(Judge(Rows(60)));
        _streak.Committed(0, Rows(60));
        Assert.NotNull(Judge(Rows(40)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void However_many_rows_of_one_device_are_refused_they_are_poison(bool takes)
    {
        var answer = takes ? TableAnswer.Takes : TableAnswer.Unclear;
        Assert.Null(Judge(Rows(5_000, devices: 1), answer));
        _streak.Committed(0, Rows(5_000, devices: 1));
        Assert.Null(Judge(Rows(5_000, devices: 1), answer));
    }

    [Fact]
    public void A_single_row_of_another_makes_no_mistake_of_what_one_device_sends()
    {
        _streak.Committed(0, Rows(5_000, devices: 1));
        Assert.Null(Judge([Row("another")], TableAnswer.Unclear));
        Assert.NotNull(Judge([.. Enumerable.Repeat(Row("another"), 50)], TableAnswer.Unclear));
    }

    [Fact]
    public void In_a_fleet_of_one_it_is_a_mistake_where_the_table_refuses_what_it_had_taken()
    {
        Assert.Null(Judge(Rows(99, devices: 1), TableAnswer.RefusesStored));
        Assert.NotNull(Judge(Rows(100, devices: 1), TableAnswer.RefusesStored));
    }

    [Fact]
    public void What_may_be_said_of_any_row_and_is_said_of_a_stored_one_is_a_mistake_from_the_first_row() =>
        Assert.Contains("P0001", Judge(Rows(1, code: Trigger), TableAnswer.RefusesStored, said: Trigger)!, StringComparison.Ordinal);

    [Fact]
    public void An_empty_table_that_refuses_a_bare_row_and_two_devices_is_a_mistake_for_as_long_as_it_does()
    {
        Assert.NotNull(Judge(Rows(2, code: Trigger), TableAnswer.RefusesBare));
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.NotNull(Judge(Rows(2, code: Trigger), TableAnswer.RefusesBare));
    }

    [Theory]
    [InlineData(1, Trigger)]
    [InlineData(100, Check)]
    public void An_empty_table_that_refuses_a_bare_row_and_one_device_is_waited_for_once_and_not_for_ever(int rows, string code)
    {
        var refused = Rows(rows, devices: 1, code);
        Assert.NotNull(Judge(refused, TableAnswer.RefusesBare));
        _clock.Advance(SystematicRefusalDetector.Patience - TimeSpan.FromSeconds(1));
        Assert.NotNull(Judge(refused, TableAnswer.RefusesBare));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(Judge(refused, TableAnswer.RefusesBare));

        _streak.Committed(0, refused);
        Assert.Null(Judge(refused, TableAnswer.RefusesBare));
        _streak.Committed(0, [Row("a", "22003"), Row("a")]);
        Assert.Null(Judge(refused, TableAnswer.RefusesBare));
    }

    [Fact]
    public void The_same_rows_count_once_however_often_their_flush_is_tried()
    {
        for (var attempt = 0; attempt < 10; attempt++)
        {
            Assert.Null(Judge(Rows(60)));
        }
    }

    [Fact]
    public void A_stored_row_ends_the_row_of_refusals()
    {
        _streak.Committed(0, Rows(60));
        _streak.Committed(1, []);
        Assert.Null(Judge(Rows(60)));
    }

    [Fact]
    public void A_flush_of_nothing_new_does_not()
    {
        _streak.Committed(0, Rows(60));
        _streak.Committed(0, []);
        Assert.NotNull(Judge(Rows(60)));
    }

    [Fact]
    public void Another_code_begins_another_row()
    {
        _streak.Committed(0, Rows(60, code: "22003"));
        Assert.Null(Judge(Rows(60)));
        _streak.Committed(0, Rows(60));
        Assert.NotNull(Judge(Rows(60)));
    }

    [Fact]
    public void Different_codes_end_the_row()
    {
        _streak.Committed(0, Rows(60));
        _streak.Committed(0, [Row("a"), Row("b", "22003")]);
        Assert.Null(Judge(Rows(60)));
    }

    [Fact]
    public void A_NOT_NULL_column_that_is_not_mapped_is_a_mistake_from_the_first_row() =>
        Assert.Contains("site", Judge([Row("a", "23502", "site")])!, StringComparison.Ordinal);

    [Fact]
    public void A_NOT_NULL_column_that_is_mapped_is_poison() => Assert.Null(Judge([Row("a", "23502", "temperature")]));

    private string? Judge(List<RefusedRow> refused, TableAnswer answer = TableAnswer.Takes, string? said = null, int? tried = null) =>
        _streak.Judge(new Probe(tried ?? refused.Count, refused) { Answer = answer, Said = Said(said ?? Check) }, Mapped);

    private static List<RefusedRow> Rows(int rows, int devices = 2, string code = Check) =>
        [.. Enumerable.Range(0, rows).Select(row => Row($"device {row % devices}", code))];

    private static RefusedRow Row(string device, string code = Check, string? column = null) =>
        new(Batch, 0, device, DateTime.UnixEpoch, PostgresFailure.Of(Said(code)), column, "check");

    private static PostgresException Said(string code) => new("check", "ERROR", "ERROR", code);
}
