-- Dead letters by device and UTC day of arrival: past its quota (and past what is kept of one message) a device's are counted but mostly not kept, so that it cannot fill the disk.
CREATE TABLE IF NOT EXISTS dead_letter_quotas (
    device   text,
    day      date,
    kept     bigint NOT NULL,
    not_kept bigint NOT NULL,
    PRIMARY KEY (device, day)
);
