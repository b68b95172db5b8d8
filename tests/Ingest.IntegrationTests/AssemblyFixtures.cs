using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Databases;
using Xunit;

[assembly: AssemblyFixture(typeof(PostgresFixture))]
[assembly: AssemblyFixture(typeof(TimescaleFixture))]
[assembly: AssemblyFixture(typeof(Azurite))]
