// The virtual network: callers, functions, database and jobs, each with a security group that names what it needs.
// Everything else is denied, both ways. A service is named by its tag, and in its region where the tag has regions: so
// what is left open are these services' addresses, for other people's accounts there too, except where a service
// endpoint policy names whose (storage). Service endpoints carry the functions' traffic to Cosmos DB, storage and
// Key Vault. There is none for Event Hubs on purpose: with it the functions' source would be a private address, and
// IoT Hub, which has no virtual network rules, could not name it. Through the NAT gateway it is one public address.

import { foundRouteTables } from 'found.bicep'

@description('Name of the virtual network.')
param name string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('Address space, a /22 or larger: callers take its first /24; functions, database and jobs the three /26 after it.')
param addressSpace string

@description('Resource id of the NAT gateway through which callers, functions and jobs reach public addresses.')
param natGatewayId string

@description('Region to which the IoT hub fails over: its built-in endpoint is there then. Empty: none.')
param hubFailoverRegion string

@description('Route tables that an operator gave the subnets.')
param routeTables foundRouteTables

var callersPrefix = cidrSubnet(addressSpace, 24, 0)
var functionsPrefix = cidrSubnet(addressSpace, 26, 4)
var databasePrefix = cidrSubnet(addressSpace, 26, 5)
var jobsPrefix = cidrSubnet(addressSpace, 26, 6)

// 5432 is PostgreSQL, 6432 its PgBouncer.
var databasePorts = ['5432', '6432']

var region = toLower(replace(location, ' ', ''))
var hubRegions = empty(hubFailoverRegion) ? [region] : [region, toLower(replace(hubFailoverRegion, ' ', ''))]

type allowance = {
  name: string
  direction: 'Inbound' | 'Outbound'
  from: string
  to: string
  ports: string[]
}

var callersAllowances allowance[] = [
  { name: 'app', direction: 'Outbound', from: callersPrefix, to: 'AppService.${region}', ports: ['443'] }
]

var hubAllowances allowance[] = map(hubRegions, hubRegion => {
  name: hubRegion == region ? 'hub-amqp' : 'hub-amqp-after-failover'
  direction: 'Outbound'
  from: functionsPrefix
  to: 'EventHub.${hubRegion}'
  ports: ['443', '5671']
})

// Entra's and Azure Monitor's tags have no regions.
var functionsAllowances allowance[] = concat(hubAllowances, [
  { name: 'database', direction: 'Outbound', from: functionsPrefix, to: databasePrefix, ports: databasePorts }
  { name: 'storage', direction: 'Outbound', from: functionsPrefix, to: 'Storage.${region}', ports: ['443', '445'] }
  { name: 'vault', direction: 'Outbound', from: functionsPrefix, to: 'AzureKeyVault.${region}', ports: ['443'] }
  { name: 'cosmos', direction: 'Outbound', from: functionsPrefix, to: 'AzureCosmosDB.${region}', ports: ['443'] }
  { name: 'entra', direction: 'Outbound', from: functionsPrefix, to: 'AzureActiveDirectory', ports: ['443'] }
  { name: 'monitor', direction: 'Outbound', from: functionsPrefix, to: 'AzureMonitor', ports: ['443'] }
])

var databaseAllowances allowance[] = [
  { name: 'from-functions', direction: 'Inbound', from: functionsPrefix, to: databasePrefix, ports: databasePorts }
  { name: 'from-jobs', direction: 'Inbound', from: jobsPrefix, to: databasePrefix, ports: ['5432'] }
  { name: 'from-replicas', direction: 'Inbound', from: databasePrefix, to: databasePrefix, ports: databasePorts }
  { name: 'to-replicas', direction: 'Outbound', from: databasePrefix, to: databasePrefix, ports: databasePorts }
  { name: 'wal-archive', direction: 'Outbound', from: databasePrefix, to: 'Storage.${region}', ports: ['443'] }
  { name: 'entra', direction: 'Outbound', from: databasePrefix, to: 'AzureActiveDirectory', ports: ['443'] }
]

// A job installs psql from Microsoft's package mirror, which no service tag names: hence Internet, on 443 alone.
var jobsAllowances allowance[] = [
  { name: 'database', direction: 'Outbound', from: jobsPrefix, to: databasePrefix, ports: ['5432'] }
  { name: 'script-share', direction: 'Outbound', from: jobsPrefix, to: 'Storage.${region}', ports: ['443', '445'] }
  { name: 'https', direction: 'Outbound', from: jobsPrefix, to: 'Internet', ports: ['443'] }
]

module callersGroup 'securitygroup.bicep' = {
  name: '${deployment().name}-callers'
  params: {
    name: '${name}-callers'
    location: location
    tags: tags
    allowances: callersAllowances
  }
}

module functionsGroup 'securitygroup.bicep' = {
  name: '${deployment().name}-functions'
  params: {
    name: '${name}-functions'
    location: location
    tags: tags
    allowances: functionsAllowances
  }
}

module databaseGroup 'securitygroup.bicep' = {
  name: '${deployment().name}-database'
  params: {
    name: '${name}-database'
    location: location
    tags: tags
    allowances: databaseAllowances
  }
}

module jobsGroup 'securitygroup.bicep' = {
  name: '${deployment().name}-jobs'
  params: {
    name: '${name}-jobs'
    location: location
    tags: tags
    allowances: jobsAllowances
  }
}

// The tag Storage is everybody's storage in the region. Through the service endpoint, only accounts of this group are
// reached.
resource ownStorage 'Microsoft.Network/serviceEndpointPolicies@2025-05-01' = {
  name: '${name}-storage'
  location: location
  tags: tags
  properties: {
    serviceEndpointPolicyDefinitions: [
      {
        name: 'accounts-of-this-group'
        properties: {
          service: 'Microsoft.Storage'
          serviceResources: [resourceGroup().id]
        }
      }
    ]
  }
}

// Subnets are part of the network's own resource: as child resources a second deployment would remove them first.
resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressSpace]
    }
    subnets: [
      {
        name: 'callers'
        properties: {
          addressPrefix: callersPrefix
          defaultOutboundAccess: false
          natGateway: { id: natGatewayId }
          networkSecurityGroup: { id: callersGroup.outputs.id }
          routeTable: empty(routeTables.?callers) ? null : { id: routeTables.?callers }
          serviceEndpoints: [
            { service: 'Microsoft.Web' }
          ]
        }
      }
      {
        name: 'functions'
        properties: {
          addressPrefix: functionsPrefix
          natGateway: { id: natGatewayId }
          networkSecurityGroup: { id: functionsGroup.outputs.id }
          routeTable: empty(routeTables.?functions) ? null : { id: routeTables.?functions }
          serviceEndpoints: [
            { service: 'Microsoft.AzureCosmosDB' }
            { service: 'Microsoft.Storage' }
            { service: 'Microsoft.KeyVault' }
          ]
          serviceEndpointPolicies: [
            { id: ownStorage.id }
          ]
          delegations: [
            {
              name: 'functions'
              properties: { serviceName: 'Microsoft.Web/serverFarms' }
            }
          ]
        }
      }
      {
        name: 'database'
        properties: {
          addressPrefix: databasePrefix
          networkSecurityGroup: { id: databaseGroup.outputs.id }
          routeTable: empty(routeTables.?database) ? null : { id: routeTables.?database }
          delegations: [
            {
              name: 'database'
              properties: { serviceName: 'Microsoft.DBforPostgreSQL/flexibleServers' }
            }
          ]
        }
      }
      {
        name: 'jobs'
        properties: {
          addressPrefix: jobsPrefix
          natGateway: { id: natGatewayId }
          networkSecurityGroup: { id: jobsGroup.outputs.id }
          routeTable: empty(routeTables.?jobs) ? null : { id: routeTables.?jobs }
          serviceEndpoints: [
            { service: 'Microsoft.AzureCosmosDB' }
            { service: 'Microsoft.Storage' }
          ]
          serviceEndpointPolicies: [
            { id: ownStorage.id }
          ]
          delegations: [
            {
              name: 'jobs'
              properties: { serviceName: 'Microsoft.ContainerInstance/containerGroups' }
            }
          ]
        }
      }
    ]
  }

  resource callers 'subnets' existing = {
    name: 'callers'
  }

  resource functions 'subnets' existing = {
    name: 'functions'
  }

  resource database 'subnets' existing = {
    name: 'database'
  }

  resource jobs 'subnets' existing = {
    name: 'jobs'
  }
}

output id string = network.id
output callersSubnetId string = network::callers.id
output functionsSubnetId string = network::functions.id
output databaseSubnetId string = network::database.id
output jobsSubnetId string = network::jobs.id
