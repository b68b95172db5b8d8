using System.Reflection;
using DbUp.Engine;
using DbUp.Support;

namespace Ingest.Database.Migrations;

/// <summary>
/// The scripts of the folder <c>sql</c>: <c>NNNN_subject[.server].sql</c>, where the server is <c>postgres</c>, <c>timescale</c> (either
/// edition), <c>timescale-apache</c> or <c>timescale-full</c>, and none means every server.
/// </summary>
internal static class SqlScripts
{
    private static readonly Assembly Assembly = typeof(SqlScripts).Assembly;

    // They follow the day, the options and the roles there are; the others are applied once.
    private static readonly HashSet<string> AppliedEachTime = ["0006_partitions", "0007_retention", "0008_ingest_writer"];

    public static IEnumerable<SqlScript> For(DatabaseEdition edition) =>
        from name in Assembly.GetManifestResourceNames()
        where name.EndsWith(".sql", StringComparison.Ordinal)
        let parts = name.Split('.')
        where parts.Length == 2 || Fits(parts[1], edition)
        let type = AppliedEachTime.Contains(parts[0]) ? ScriptType.RunAlways : ScriptType.RunOnce
        select new SqlScript(name, Read(name), new SqlScriptOptions { ScriptType = type });

    public static string Subject(string script) => script.Split('.')[0];

    public static string Read(string name)
    {
        using var reader = new StreamReader(Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    private static bool Fits(string server, DatabaseEdition edition) => server switch
    {
        "postgres" => edition == DatabaseEdition.PlainPostgres,
        "timescale" => edition != DatabaseEdition.PlainPostgres,
        "timescale-apache" => edition == DatabaseEdition.TimescaleApache,
        "timescale-full" => edition == DatabaseEdition.TimescaleFull,
        _ => throw new InvalidOperationException($"'{server}' in the name of a script in sql/ is no server"),
    };
}
