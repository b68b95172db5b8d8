using './main.bicep'

// Some thousand messages a second all day: zones, a standby, a week of replay, a locked IoT hub. deviceAddresses is
// yours to name (deploy.sh asks for it): the hub lets in nobody else.

param lockIotHub = true
param hub = { sku: { name: 'S3', capacity: 1 }, partitions: 32, retentionDays: 7 }

param lockData = true
param natZones = ['1', '2', '3']

param functions = { sku: 'EP2', minimumInstances: 3, maximumInstances: 16, zoneRedundant: true }

param database = {
  sku: { name: 'Standard_D8ds_v5', tier: 'GeneralPurpose' }
  storageGigabytes: 1024
  backupDays: 35
  geoRedundantBackup: true
  highAvailability: 'ZoneRedundant'
}

param lookup = { capacity: 'autoscale', maxThroughput: 4000, zoneRedundant: true }
param storageSku = 'Standard_ZRS'
param logs = { retentionDays: 90, dailyCapGigabytes: 20 }
