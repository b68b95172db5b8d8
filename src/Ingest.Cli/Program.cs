Console.Error.WriteLine("ingest: not composed yet"); return 2;
