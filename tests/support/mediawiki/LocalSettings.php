<?php
// Settings of every wiki of the family; the environment and the router say which one is meant.
// phpcs:ignoreFile

$m4Wiki = defined( 'M4_WIKI' ) ? M4_WIKI : getenv( 'M4_WIKI' );
$m4Site = getenv( 'M4_WIKIS_SITE' );
$m4Base = getenv( 'M4_WIKIS_BASE' ) ?: 'http://127.0.0.1';
$m4Family = json_decode( file_get_contents( "$m4Site/family.json" ), true );

$wgServer = $m4Base;
$wgCanonicalServer = $m4Base;
$wgScriptPath = "/$m4Wiki";
$wgArticlePath = "/$m4Wiki/wiki/$1";
if ( getenv( 'M4_WIKIS_AS' ) ) { // for dumps: another address than the one it answers at
	$wgServer = $wgCanonicalServer = getenv( 'M4_WIKIS_AS' );
	$wgScriptPath = '/w';
	$wgArticlePath = '/wiki/$1';
}
$wgUsePathInfo = true;
$wgSitename = $m4Family['names'][$m4Wiki];
$wgLanguageCode = $m4Family['languages'][$m4Wiki];
$wgLocaltimezone = 'UTC';

$wgDBtype = 'sqlite';
$wgDBname = $m4Family['databases'][$m4Wiki];
$wgSQLiteDataDir = "$m4Site/data";
$wgSecretKey = str_repeat( 'a', 64 );

// Nothing is remembered between requests: reading never writes, so that SQLite is never locked.
$wgMainCacheType = CACHE_NONE;
$wgParserCacheType = CACHE_NONE;
$wgMessageCacheType = CACHE_NONE;
$wgSessionCacheType = CACHE_NONE;
$wgCacheDirectory = getenv( 'M4_WIKIS_CACHE' );
$wgLocalisationCacheConf['store'] = 'array';
$wgLocalisationCacheConf['manualRecache'] = (bool)getenv( 'M4_WIKIS_READY' );
$wgJobRunRate = 0;
$wgJobTypesExcludedFromDefaultQueue[] = 'null';
$wgMiserMode = false;
$wgRateLimits = [];
$wgPingback = false;
$wgShowExceptionDetails = true;

$wgEnableUploads = true;
$wgUploadDirectory = "$m4Site/images/$m4Wiki";
$wgUploadPath = "/$m4Wiki/images";
$wgFileExtensions = [ 'png', 'jpg', 'gif' ];
$wgUseImageResize = false;
$wgUseImageMagick = false;

$wgParserEnableLegacyHeadingDOM = false; // as on Wikipedia: 1.43 has both markups, 1.39 does not know the setting

wfLoadSkin( 'Vector' );
wfLoadExtension( 'Cite' );
wfLoadExtension( 'ParserFunctions' );

// MediaWiki indexes Japanese and Cantonese cut into words or characters, but looks for what was typed as one word.
class M4Search extends SearchSqlite {
	protected function doSearchTextInDB( $term ) {
		return parent::doSearchTextInDB( $this->cut( $term ) );
	}

	protected function doSearchTitleInDB( $term ) {
		return parent::doSearchTitleInDB( $this->cut( $term ) );
	}

	private function cut( $term ) {
		return \MediaWiki\MediaWikiServices::getInstance()->getContentLanguage()->segmentByWord( $term );
	}
}
$wgSearchType = 'M4Search';

// Interwiki prefixes as data instead of rows: their addresses hold the port, which differs from session to session.
$wgInterwikiCache = [
	'__sites:' . $wgDBname => 'wiki',
	'__list:__global' => implode( ' ', array_keys( $m4Family['prefixes'] ) ),
];
foreach ( $m4Family['prefixes'] as $m4Prefix => $m4Target ) {
	$wgInterwikiCache["__global:$m4Prefix"] = "1 $m4Base/$m4Target/wiki/\$1";
}

// A backlog of jobs counts as lag: as many seconds as the file says. MediaWiki turns requests with a maxlag below it away.
$m4Lag = is_readable( "$m4Site/lag" ) ? (float)file_get_contents( "$m4Site/lag" ) : 0;
if ( $m4Lag > 0 ) {
	$wgJobQueueIncludeInMaxLagFactor = $m4Family['backlog'] / $m4Lag;
}

// What the CommonsMetadata extension does on Commons: licence and author out of the file's description.
$wgHooks['GetExtendedMetadata'][] = static function ( array &$metadata, $file ) {
	$page = \MediaWiki\MediaWikiServices::getInstance()->getWikiPageFactory()->newFromTitle( $file->getTitle() );
	$text = $page->getContent() ? $page->getContent()->getText() : '';
	preg_match_all( '/^\|(\w+)=(.*)$/m', $text, $fields, PREG_SET_ORDER );
	foreach ( $fields as [ , $name, $value ] ) {
		$metadata[$name] = [ 'value' => htmlspecialchars( $value ), 'source' => 'commons-desc-page' ];
	}
};
