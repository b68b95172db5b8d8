// What a run upon an installation finds there and leaves as it is: what the database has grown to by itself, and what an
// operator has added by hand. deploy.sh reads it; a first run finds nothing.

@export()
@description('What is there already.')
type foundState = {
  @description('Name of the database server in use; empty: that of names.bicep. Another one is one that was restored.')
  databaseServer: string
  @description('Disk of the database server in GB; 0: there is none yet.')
  databaseGigabytes: int
  @description('Value of its parameter azure.extensions.')
  databaseExtensions: string
  @description('Value of its parameter shared_preload_libraries.')
  databaseLibraries: string
  @description('Quota of the content share in GB.')
  contentShareGigabytes: int
  @description('Name of the NAT gateway through which the functions go: another one than the first after the loss of a zone.')
  natGateway: string
  @description('Route tables of the subnets, by resource id.')
  routeTables: foundRouteTables
}

@export()
@description('Route tables of the subnets, by resource id.')
type foundRouteTables = {
  callers: string?
  functions: string?
  database: string?
  jobs: string?
}

@export()
@description('The names in a comma-separated list.')
func listed(list string) string[] => filter(map(split(toLower(list), ','), item => trim(item)), item => !empty(item))

@export()
@description('What a first run finds.')
var nothingFound = {
  databaseServer: ''
  databaseGigabytes: 0
  databaseExtensions: ''
  databaseLibraries: ''
  contentShareGigabytes: 0
  natGateway: ''
  routeTables: {}
}
