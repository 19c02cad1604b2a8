DROP TABLE office_grant;
DROP TABLE beneficiary;
DROP TABLE staff;
