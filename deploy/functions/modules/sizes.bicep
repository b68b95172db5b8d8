// What a size says of hub, functions and database.

@export()
@description('The IoT hub.')
type hubSize = {
  @description('Edition and units. B1, S1: 400,000 messages a day and unit; S2: 6 million; S3: 300 million.')
  sku: {
    name: 'B1' | 'S1' | 'S2' | 'S3'
    @minValue(1)
    @maxValue(200)
    capacity: int
  }

  @description('Partitions of the built-in endpoint. They cannot be changed later.')
  @minValue(2)
  @maxValue(32)
  partitions: int

  @description('Days the hub keeps messages: how far back a replay can reach.')
  @minValue(1)
  @maxValue(7)
  retentionDays: int
}

@export()
@description('The instances of the functions.')
type functionsSize = {
  @description('Machine of an instance: 1, 2 or 4 cores.')
  sku: 'EP1' | 'EP2' | 'EP3'

  @description('Instances that always run.')
  @minValue(1)
  @maxValue(20)
  minimumInstances: int

  @description('Most instances; more than the hub has partitions would be idle.')
  @minValue(1)
  @maxValue(32)
  maximumInstances: int

  @description('Whether instances are spread over availability zones. Needs three minimum instances.')
  zoneRedundant: bool
}

@export()
@description('The database server.')
type databaseSize = {
  @description('Machine, and its tier.')
  sku: {
    name: string
    tier: 'Burstable' | 'GeneralPurpose' | 'MemoryOptimized'
  }

  @description('Disk in GB. It grows by itself and never shrinks.')
  storageGigabytes: 32 | 64 | 128 | 256 | 512 | 1024 | 2048 | 4096 | 8192 | 16384

  @description('Days of backups.')
  @minValue(7)
  @maxValue(35)
  backupDays: int

  @description('Whether backups are kept in Azure\'s paired region too. It cannot be changed later.')
  geoRedundantBackup: bool

  @description('Standby server: none, in the same zone, or in another one. Burstable servers have none.')
  highAvailability: 'Disabled' | 'SameZone' | 'ZoneRedundant'
}

@export()
@description('A standing Entra administrator of the database server.')
type databaseAdministrator = {
  objectId: string
  name: string
  type: 'User' | 'Group' | 'ServicePrincipal'
}

@export()
@description('Cosmos DB, which the lookup asks.')
type lookupSize = {
  @description('By request, or provisioned throughput that scales between a tenth of a ceiling and the ceiling.')
  capacity: 'serverless' | 'autoscale'

  @description('The ceiling of autoscale in request units a second. Default: 1000.')
  @minValue(1000)
  maxThroughput: int?

  @description('Whether it is spread over availability zones. It cannot be changed later.')
  zoneRedundant: bool
}

@export()
@description('The logs.')
type logsSize = {
  @description('Days they are kept.')
  @minValue(30)
  @maxValue(730)
  retentionDays: int

  @description('Most gigabytes taken in a day; past it the rest of the day is dropped, and an alarm says so. -1: no limit.')
  dailyCapGigabytes: int
}
